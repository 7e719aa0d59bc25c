interface Monaco {
  editor: { onDidCreateEditor(listener: (editor: { updateOptions(options: object): void }) => void): void };
}

/**
 * The editor marks characters that resemble others, such as the apostrophe of French texts, as if they were an attack. Here
 * they are data. GraphiQL loads the editor later, and publishes it under this name.
 */
export function allowTypographicCharacters() {
  let loaded: Monaco | undefined;
  Object.defineProperty(globalThis, '__MONACO', {
    configurable: true,
    get: () => loaded,
    set(monaco: Monaco) {
      loaded = monaco;
      monaco.editor.onDidCreateEditor((editor) => {
        editor.updateOptions({ unicodeHighlight: { ambiguousCharacters: false, invisibleCharacters: false } });
      });
    },
  });
}
