/** Wraps `fetch`, and detects a response with the error INTROSPECTION_OFF. */
export function introspectionWatch() {
  let off = false;
  const listeners = new Set<() => void>();
  return {
    fetch: async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const response = await fetch(input, init);
      if (!off && isIntrospectionOff(await response.clone().json().catch(() => undefined))) {
        off = true;
        listeners.forEach((listener) => listener());
      }
      return response;
    },
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    isOff: () => off,
  };
}

function isIntrospectionOff(response: { errors?: { extensions?: { code?: string } }[] } | undefined): boolean {
  return response?.errors?.some((error) => error.extensions?.code === 'INTROSPECTION_OFF') ?? false;
}
