export interface Operation {
  query: string;
  variables?: string;
}

/** The operation in the query string of the page: `?query=…&variables=…`. */
export function linkedOperation(search: string): Operation | undefined {
  const parameters = new URLSearchParams(search);
  const query = parameters.get('query');
  return query ? { query, variables: parameters.get('variables') ?? undefined } : undefined;
}
