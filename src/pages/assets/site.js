// What is better with a script: suggestions while typing, and a reader's choice of language is remembered. Without it, pages
// are complete.

/** The time after a keystroke before suggestions are requested, in milliseconds. */
const DELAY = 120;
const MIN_LENGTH = 2;

/** Turns the field of a search form into a combobox with a list of suggestions, as in the ARIA Authoring Practices. */
function addSuggestions(form) {
  const input = form.querySelector('input');
  const status = document.createElement('span');
  status.className = 'visually-hidden';
  status.setAttribute('role', 'status');
  form.append(status);
  let list = null;
  let active = -1;
  let timer = 0;
  let request = null;

  const set = (name, value) => input.setAttribute(name, value);
  set('role', 'combobox');
  set('aria-autocomplete', 'list');
  set('aria-expanded', 'false');

  function close() {
    clearTimeout(timer);
    request?.abort();
    list?.remove();
    list = null;
    active = -1;
    set('aria-expanded', 'false');
    input.removeAttribute('aria-controls');
    input.removeAttribute('aria-activedescendant');
  }

  function select(index) {
    const options = [...list.children];
    options[active]?.setAttribute('aria-selected', 'false');
    // After the last option, and before the first one, is the field itself.
    active = index === options.length ? -1 : index < -1 ? options.length - 1 : index;
    const option = options[active];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    if (option) set('aria-activedescendant', option.id);
    else input.removeAttribute('aria-activedescendant');
  }

  function show(html, address) {
    const template = document.createElement('template');
    template.innerHTML = html;
    const next = template.content.firstElementChild;
    close();
    status.textContent = next.dataset.status;
    if (next.childElementCount === 0) return;
    list = next;
    list.id = `${input.id}-suggestions`;
    [...list.children].forEach((option, index) => {
      option.id = `${list.id}-${index}`;
      option.addEventListener('click', () => location.assign(new URL(option.dataset.href, address)));
    });
    // The field keeps the focus.
    list.addEventListener('pointerdown', (event) => event.preventDefault());
    form.append(list);
    set('aria-controls', list.id);
    set('aria-expanded', 'true');
  }

  async function load() {
    const text = input.value.trim();
    if (text.length < MIN_LENGTH) return close();
    const address = new URL(form.dataset.suggestions, location.href);
    address.searchParams.set('q', text);
    request?.abort();
    request = new AbortController();
    try {
      const response = await fetch(address, { signal: request.signal });
      if (response.ok) show(await response.text(), address);
      else close();
    } catch (error) {
      if (error.name !== 'AbortError') close();
    }
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(load, DELAY);
  });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (!list || event.isComposing) return;
    if (event.key === 'ArrowDown') select(active + 1);
    else if (event.key === 'ArrowUp') select(active - 1);
    else if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && active >= 0) list.children[active].click();
    else return;
    event.preventDefault();
  });
}

document.querySelectorAll('form[data-suggestions]').forEach(addSuggestions);

document.querySelectorAll('a[data-language]').forEach((link) =>
  link.addEventListener('click', () => {
    document.cookie = `language=${link.hreflang}; path=/; max-age=31536000; samesite=lax`;
  }),
);
