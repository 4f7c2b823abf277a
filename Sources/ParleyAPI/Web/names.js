// What users, conversations and times are called, and the avatars that stand for them.

import { state } from './state.js';

// Parley keeps no names of users; the app around it does. Here only the demo's own two have one.
export function nameOf(userId) {
  return userId === state.me?.id ? 'You' : knownName(userId);
}

export function knownName(userId) {
  const user = state.demo?.users.find((each) => each.id === userId);
  return user?.name ?? `User ${userId.slice(0, 8)}`;
}

export function userIdOf(word) {
  const named = state.demo?.users.find((each) => each.name.toLowerCase() === word.toLowerCase());
  return named?.id ?? word.toLowerCase();
}

export function otherOf(conversation) {
  if (conversation?.type !== 'direct') return null;
  return conversation.participant_ids?.find((id) => id !== state.me.id) ?? null;
}

export function titleOf(conversation) {
  if (conversation.type === 'group') return conversation.title || `Group of ${conversation.participant_count}`;
  const other = otherOf(conversation);
  return other ? nameOf(other) : 'Direct conversation';
}

export function participantsOf({ participant_count }) {
  return participant_count === 1 ? 'Only you' : `${participant_count} participants`;
}

export const roleNames = { owner: 'Owner', admin: 'Admin', member: 'Member', read_only: 'Read only' };

// MARK: Avatars

const HUES = 8;

// The letters of a name: two of a full name, one of a single word.
function initialsOf(name) {
  const words = name.split(/\s+/).filter((word) => /\p{L}|\p{N}/u.test(word));
  const letters = (words.length > 1 ? [words[0], words.at(-1)] : words).map((word) => /\p{L}|\p{N}/u.exec(word)[0]);
  return letters.join('').toUpperCase();
}

export function drawAvatar(node, id, name) {
  node.dataset.hue = hueOf(id);
  const initials = initialsOf(name) || '#';
  if (node.firstChild?.nodeValue !== initials) node.replaceChildren(initials);
}

export function hueOf(id) {
  let sum = 0;
  for (const character of id.replaceAll('-', '')) sum = (sum * 31 + character.charCodeAt(0)) % 9_973;
  return sum % HUES;
}

export function drawConversationAvatar(node, conversation) {
  drawAvatar(node, otherOf(conversation) ?? conversation.id, titleOf(conversation));
}

// MARK: Times

export const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const yearFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const weekdayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'short' });
const DAY_MS = 86_400_000;

function daysAgo(time) {
  const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
  return Math.round((midnight(Date.now()) - midnight(time)) / DAY_MS);
}

export function dayOf(time) {
  const days = daysAgo(time);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return (days < 300 ? dayFormat : yearFormat).format(new Date(time));
}

export function shortTime(time) {
  const days = daysAgo(time);
  if (days === 0) return timeFormat.format(new Date(time));
  if (days === 1) return 'Yesterday';
  return (days < 7 ? weekdayFormat : dateFormat).format(new Date(time));
}

export function lastSeen(time) {
  const days = daysAgo(time);
  const day = days === 0 ? 'today' : days === 1 ? 'yesterday' : dateFormat.format(new Date(time));
  return `last seen ${day} at ${timeFormat.format(new Date(time))}`;
}

export function sizeOf(bytes) {
  if (bytes < 1_000) return `${bytes} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  const number = bytes / 1_000 ** power;
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ${units[power - 1]}`;
}
