// The document: finding, making and arranging elements, problems, questions, and what is read out.
//
// What others wrote reaches the document through textContent only, so that no message can become markup.

import { state } from './state.js';

export const element = (id) => document.getElementById(id);

export function show(part) {
  for (const id of ['choose', 'sign-in', 'chat']) element(id).hidden = id !== part;
}

export function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// For the accessible text of something that is otherwise only seen.
export const spoken = (text) => make('span', { class: 'for-readers' }, text);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Brings the children of `parent` in line with `items` and leaves alone what is already right, so that neither the
// focus nor a selection of text nor the scroll position is lost when something is added.
export function arrange(parent, items, create, update) {
  const focused = document.activeElement;
  const existing = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const node = existing.get(item.key) ?? create(item);
    node.dataset.key = item.key;
    update?.(node, item);
    return node;
  });
  const wanted = new Set(nodes);
  for (const node of existing.values()) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

// Draws in a moment, and once for all that happens until then: a catch-up of a thousand messages is one drawing. By a
// timer and not with the frames, which do not come in hidden windows, where the title still has to tell the unread count.
const DRAW_WITHIN_MS = 16;
const waiting = new Set();

export function soon(draw) {
  if (waiting.size === 0) setTimeout(drawWaiting, DRAW_WITHIN_MS);
  waiting.add(draw);
}

function drawWaiting() {
  const draws = [...waiting];
  waiting.clear();
  for (const draw of draws) draw();
}

// Brings a new token: from /demo/session, or from the form.
export const startAgain = { label: 'Start again', act: () => location.reload() };

export function showProblem(error, action = error.status === 401 && state.me ? startAgain : null) {
  element('problem').hidden = false;
  const text = error.detail ?? String(error);
  setText(element('problem-text'), error.requestId ? `${text} · request ${error.requestId}` : text);
  const button = element('problem-action');
  button.hidden = action === null;
  button.textContent = action?.label ?? '';
  button.onclick = () => {
    hideProblem();
    action.act();
  };
}

export function hideProblem() {
  element('problem').hidden = true;
}

// Answers whether the person said yes.
export function confirmed(question, yes) {
  const dialog = element('confirm');
  element('confirm-text').textContent = question;
  element('confirm-yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener('close', () => answer(dialog.returnValue === 'yes'), { once: true });
  });
}

export function announceText(text) {
  const announcements = element('announcements');
  announcements.append(make('p', {}, text));
  while (announcements.childElementCount > 20) announcements.firstElementChild.remove();
}
