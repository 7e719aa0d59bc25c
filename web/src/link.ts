export interface Operation {
  query: string;
  variables?: string;
}

/** The operation that a link asks to open: `?query=…&variables=…`. */
export function linkedOperation(search: string): Operation | undefined {
  const parameters = new URLSearchParams(search);
  const query = parameters.get('query');
  return query ? { query, variables: parameters.get('variables') ?? undefined } : undefined;
}
