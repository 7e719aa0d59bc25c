// Relay's network: an operation goes out by the id that the compiler wrote into the manifest, and never as text.

import { Environment, Network, type RequestParameters, type Variables } from 'relay-runtime';

async function ask({ id: documentId, name }: RequestParameters, variables: Variables) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json', 'content-type': 'application/json' },
    body: JSON.stringify({ documentId, operationName: name, variables }),
  });
  return response.json();
}

export const environment = new Environment({ network: Network.create(ask) });
