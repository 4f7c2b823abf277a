// Sending something other than text: a menu, and one form whose fields depend on the choice.
//
// Parley stores what is known of a file and not the file. An app uploads to its own storage first and registers the
// address it got; here the address is typed in.

import { element, make } from './page.js';
import { Problem, call } from './api.js';
import { icon } from './icons.js';
import { focusText, send } from './compose.js';

const PICTURE_LIMIT_MS = 4_000;

const FILE_FIELDS = [
  { name: 'url', label: 'Address', type: 'url', required: true, placeholder: 'https://…', hint: 'Where the file is stored.' },
  { name: 'name', label: 'Name', required: true, maxlength: 255 },
  { name: 'content_type', label: 'Content type', required: true, half: true },
  { name: 'size', label: 'Size in bytes', type: 'number', required: true, min: 0, half: true },
  { name: 'caption', label: 'Caption', placeholder: 'Optional' },
];

const CHOICES = {
  image: { label: 'Photo', fields: FILE_FIELDS, fallback: 'image/jpeg' },
  video: { label: 'Video', fields: FILE_FIELDS, fallback: 'video/mp4' },
  audio: { label: 'Audio', fields: FILE_FIELDS, fallback: 'audio/mpeg' },
  document: { label: 'Document', fields: FILE_FIELDS, fallback: 'application/octet-stream' },
  location: { label: 'Location', fields: [{
    name: 'content', label: 'Place', required: true, placeholder: '53.5436, 9.9888 Landungsbrücken', hint: 'Latitude and longitude, and a name if you like; or only words.' }] },
  contact: { label: 'Contact', fields: [
    { name: 'name', label: 'Name', required: true }, { name: 'lines', label: 'Numbers and addresses', multiline: true, hint: 'One in each line.' }] },
};

const TYPES = {
  avif: 'image/avif', gif: 'image/gif', jpeg: 'image/jpeg', jpg: 'image/jpeg', png: 'image/png', svg: 'image/svg+xml', webp: 'image/webp',
  mp4: 'video/mp4', webm: 'video/webm', mp3: 'audio/mpeg', m4a: 'audio/mp4', ogg: 'audio/ogg', wav: 'audio/wav',
  csv: 'text/csv', pdf: 'application/pdf', txt: 'text/plain', zip: 'application/zip',
};

let chosen = null;

// MARK: The menu

export function buildMenu() {
  const items = Object.entries(CHOICES).map(([name, { label }]) => {
    const item = make('button', { type: 'button', role: 'menuitem', tabindex: '-1', 'data-choice': name }, icon(name), label);
    item.onclick = () => choose(name);
    return item;
  });
  element('attach-menu').replaceChildren(...items);
}

export function toggleMenu(open = element('attach-menu').hidden) {
  element('attach-menu').hidden = !open;
  element('attach-open').setAttribute('aria-expanded', String(open));
  if (open) element('attach-menu').firstElementChild.focus();
}

export function menuKeyPressed(event) {
  const items = [...element('attach-menu').children];
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key === 'Tab') toggleMenu(false);
  if (!steps[event.key]) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement) + steps[event.key];
  items.at(at % items.length).focus();
}

// MARK: The form

function choose(name) {
  chosen = name;
  toggleMenu(false);
  element('attach-title').textContent = CHOICES[name].label;
  element('attach-fields').replaceChildren(...CHOICES[name].fields.map(makeField));
  element('attach-problem').hidden = true;
  element('attach-dialog').showModal();
  element('attach-fields').querySelector('input, textarea').focus();
}

function makeField({ name, label, hint, half, multiline, ...attributes }) {
  const id = `attach-${name}`;
  const given = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, value === true ? '' : value]));
  const common = { id, name, autocomplete: 'off', ...(hint ? { 'aria-describedby': `${id}-hint` } : {}), ...given };
  const input = multiline ? make('textarea', { rows: 3, ...common }) : make('input', common);
  const parts = [make('label', { for: id }, label), input];
  if (hint) parts.push(make('p', { id: `${id}-hint`, class: 'quiet' }, hint));
  return make('div', { class: half ? 'field half' : 'field' }, ...parts);
}

// The address often tells the rest.
export function guessFromAddress(event) {
  if (event.target.name !== 'url') return;
  const fields = element('attach-form').elements;
  const name = decodeName(fields.url.value);
  if (name && !fields.name.dataset.typed) fields.name.value = name;
  const type = TYPES[name.split('.').at(-1).toLowerCase()] ?? CHOICES[chosen].fallback;
  if (!fields.content_type.dataset.typed) fields.content_type.value = type;
}

export const fieldTyped = ({ target }) => target.name !== 'url' && (target.dataset.typed = 'yes');

function decodeName(url) {
  try {
    return decodeURIComponent(new URL(url).pathname.split('/').at(-1));
  } catch {
    return '';
  }
}

export async function submitAttachment() {
  const values = Object.fromEntries(new FormData(element('attach-form')));
  element('attach-send').disabled = true;
  try {
    send({ messageType: chosen, ...(await draftOf(chosen, values)) });
    element('attach-dialog').close();
    focusText();
  } catch (error) {
    element('attach-problem').textContent = error.detail ?? String(error);
    element('attach-problem').hidden = false;
  }
  element('attach-send').disabled = false;
}

async function draftOf(choice, values) {
  if (choice === 'location') return { content: values.content.trim() };
  if (choice === 'contact') return { content: `${values.name.trim()}\n${values.lines}`.trim() };
  if (!/^https?:\/\//i.test(values.url)) throw new Problem({ detail: 'The address must begin with https:// or http://.' });
  const { url, name, content_type } = values;
  const shape = choice === 'image' ? await shapeOf(url) : {};
  const media = await call('POST', '/v1/media', { kind: choice, name, content_type, url, size: Number(values.size), ...shape });
  return { content: values.caption.trim(), media: [media] };
}

// With the size of a picture its readers keep the room for it before it is there.
function shapeOf(url) {
  return new Promise((answer) => {
    const image = new Image();
    image.referrerPolicy = 'no-referrer';
    image.onload = () => answer(image.naturalWidth > 0 ? { width: image.naturalWidth, height: image.naturalHeight } : {});
    image.onerror = () => answer({});
    setTimeout(() => answer({}), PICTURE_LIMIT_MS);
    image.src = url;
  });
}
