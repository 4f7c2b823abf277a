// The document: finding, making and arranging elements, problems, and what is read out.
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

// Brings a new token: from /demo/session, or from the form.
export const startAgain = { label: 'Start again', act: () => location.reload() };

export function showProblem(error, action = error.status === 401 && state.me ? startAgain : null) {
  element('problem').hidden = false;
  const text = error.detail ?? String(error);
  element('problem-text').textContent = error.requestId ? `${text} · request ${error.requestId}` : text;
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

export function announceText(text) {
  const announcements = element('announcements');
  announcements.append(make('p', {}, text));
  while (announcements.childElementCount > 20) announcements.firstElementChild.remove();
}
