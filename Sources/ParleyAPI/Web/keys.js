// The keyboard: arrows in the list of conversations, Escape one step back.

import { state } from './state.js';
import { element } from './page.js';
import { toggleMenu } from './attach.js';
import { closePanel } from './panel.js';

export function listKeyPressed(event) {
  const links = [...element('conversation-list').querySelectorAll('a')];
  const at = links.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const next = links[Math.min(links.length - 1, Math.max(0, to))];
  for (const link of links) link.tabIndex = link === next ? 0 : -1;
  next.focus();
}

// From a menu or the panel to the text, from the text to the list, from the list (or on a phone) out of the conversation.
export function escapePressed(event) {
  if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return;
  if (!element('attach-menu').hidden) {
    toggleMenu(false);
    return element('attach-open').focus();
  }
  if (state.panelOpen) return closePanel({ focus: true });
  if (!state.timeline) return;
  const list = element('conversation-list');
  const isPhone = getComputedStyle(list).display === 'none' || list.offsetParent === null;
  if (isPhone || list.contains(document.activeElement)) location.hash = '';
  else list.querySelector('[aria-current]')?.focus();
}
