// The Relay network layer: sends the id that the compiler wrote to the manifest instead of the text of the operation.

import { Environment, Network, type RequestParameters, type Variables } from 'relay-runtime';

async function fetchOperation({ id: documentId, name }: RequestParameters, variables: Variables) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json', 'content-type': 'application/json' },
    body: JSON.stringify({ documentId, operationName: name, variables }),
  });
  return response.json();
}

export const environment = new Environment({ network: Network.create(fetchOperation) });
