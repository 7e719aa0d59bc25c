/** Fetches, and takes note of an answer that says that introspection is turned off. */
export function introspectionWatch() {
  let off = false;
  const listeners = new Set<() => void>();
  return {
    fetch: async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const response = await fetch(input, init);
      if (!off && saysOff(await response.clone().json().catch(() => undefined))) {
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

function saysOff(answer: { errors?: { extensions?: { code?: string } }[] } | undefined): boolean {
  return answer?.errors?.some((error) => error.extensions?.code === 'INTROSPECTION_OFF') ?? false;
}
