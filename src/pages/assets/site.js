// What is better with a script: suggestions while typing, a network that is one stop of the Tab key, and a reader's choice of
// language is remembered. Without it, pages are complete.

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

const ARROWS = ['ArrowRight', 'ArrowLeft', 'ArrowDown', 'ArrowUp'];

/** The middle of a person's circle, on the screen. */
function middle(person) {
  const box = person.querySelector('circle').getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** The arrow key that points from one place to another most. */
function keyTowards(from, to) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  if (Math.abs(x) > Math.abs(y)) return x > 0 ? 'ArrowRight' : 'ArrowLeft';
  return y > 0 ? 'ArrowDown' : 'ArrowUp';
}

/** The places that arrow keys reach from the first one. */
function reached(moves) {
  const places = new Set([0]);
  for (const place of places) Object.values(moves[place]).forEach((next) => places.add(next));
  return places;
}

/**
 * Where each arrow key leads from each place: to the nearest one in its direction. A place that is the nearest of no other
 * takes the direction of the nearest one that can give it away.
 */
function arrowMoves(points) {
  const distance = (one, other) => Math.hypot(points[one].x - points[other].x, points[one].y - points[other].y);
  const byDistance = (place) => points.map((_, other) => other).filter((other) => other !== place).sort((one, other) => distance(place, one) - distance(place, other));
  const moves = points.map((from, place) => {
    const nearest = {};
    for (const other of byDistance(place)) nearest[keyTowards(from, points[other])] ??= other;
    return nearest;
  });
  const connects = (place, other, places) => {
    const key = keyTowards(points[other], points[place]);
    const former = moves[other][key];
    moves[other][key] = place;
    if (reached(moves).size > places.size) return true;
    moves[other][key] = former;
    return false;
  };
  for (let size = 0, places = reached(moves); size < places.size; ) {
    size = places.size;
    const isMissing = (place) => !places.has(place);
    points.some((_, place) => isMissing(place) && byDistance(place).some((other) => !isMissing(other) && connects(place, other, places)));
    places = reached(moves);
  }
  return moves;
}

/**
 * Makes a network one stop of the Tab key. Arrow keys lead from person to person; Space dims those without a link to the
 * person, Escape ends that.
 */
function addArrowKeys(graph) {
  const people = [...graph.querySelectorAll('a')];
  let moves = null;

  const setStop = (stop) => people.forEach((person) => person.setAttribute('tabindex', person === stop ? '0' : '-1'));
  const select = (selected) => {
    const ties = new Set(selected?.dataset.ties?.split(' ').filter(Boolean).map((index) => people[index]));
    graph.classList.toggle('has-selection', Boolean(selected));
    for (const person of people) {
      person.classList.toggle('linked', person === selected || ties.has(person));
      if (person === selected) person.setAttribute('aria-current', 'true');
      else person.removeAttribute('aria-current');
    }
  };

  setStop(people[0]);
  // Not on the picture: a listener for the focus makes it a stop of its own.
  people.forEach((person) => person.addEventListener('focus', () => setStop(person)));
  graph.addEventListener('keydown', (event) => {
    const place = people.indexOf(event.target.closest('a'));
    if (place < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    if (ARROWS.includes(event.key)) {
      // Measured when it is visible.
      moves ??= arrowMoves(people.map(middle));
      people[moves[place][event.key]]?.focus();
    } else if (event.key === 'Home') people[0].focus();
    else if (event.key === 'End') people.at(-1).focus();
    else if (event.key === ' ') select(people[place].hasAttribute('aria-current') ? null : people[place]);
    else if (event.key === 'Escape') select(null);
    else return;
    event.preventDefault();
  });
}

document.querySelectorAll('svg.graph').forEach(addArrowKeys);
document.querySelectorAll('[data-keyboard]').forEach((hint) => hint.removeAttribute('hidden'));

document.querySelectorAll('a[data-language]').forEach((link) =>
  link.addEventListener('click', () => {
    document.cookie = `language=${link.hreflang}; path=/; max-age=31536000; samesite=lax`;
  }),
);
