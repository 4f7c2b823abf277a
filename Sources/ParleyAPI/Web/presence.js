// Who is online: watched for the people of direct conversations and of the conversation that is open.

import { state } from './state.js';
import { soon } from './page.js';
import { lastSeen, otherOf } from './names.js';
import { drawConversations } from './list.js';
import { drawConversationHead } from './conversation.js';
import { drawPanel } from './panel.js';

const GATHER_MS = 100;

const known = new Map(); // user → { online, last_seen_at }
let watched = '';
let timer = null;

export function watchPresence({ again = false } = {}) {
  if (again) watched = '';
  timer ??= setTimeout(watch, GATHER_MS);
}

async function watch() {
  timer = null;
  const users = new Set(state.view.members.get(state.timeline?.conversationId)?.users.keys());
  for (const conversation of state.view.conversations.values()) users.add(otherOf(conversation));
  users.delete(null);
  users.delete(state.me.id);
  const user_ids = [...users].slice(0, state.limits.presence_users ?? 500);
  const key = user_ids.join();
  if (key === watched || !state.connection?.isOpen) return;
  watched = key;
  try {
    presenceChanged((await state.connection.command('presence', { user_ids })).presence);
  } catch {
    watched = '';
  }
}

export function presenceChanged(presences) {
  for (const { user_id, online, last_seen_at } of presences) known.set(user_id, { online, last_seen_at });
  soon(drawConversations);
  soon(drawConversationHead);
  soon(drawPanel);
}

export const isOnline = (userId) => known.get(userId)?.online ?? false;

export function presenceText(userId) {
  const presence = known.get(userId);
  if (!presence) return '';
  if (presence.online) return 'online';
  return presence.last_seen_at ? lastSeen(presence.last_seen_at) : 'offline';
}
