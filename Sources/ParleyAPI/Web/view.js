// A local view of the conversations: a snapshot, brought up to date by events. Plain functions, without page or network.
//
// The law: the snapshot plus the events since equals a fresh snapshot. It holds when one subscribes first, keeps the
// events that arrive while the snapshot is read, and applies them after it: what the snapshot has in it already is told
// by sequence numbers and versions, and changes nothing a second time.

export function newView(userId) {
  return { userId, conversations: new Map(), members: new Map() };
}

// Applies one event. Answers the ids of conversations of which the event told too little: they have to be read again.
export function applyEvent(view, event) {
  switch (event.type) {
    case 'message': return applyMessage(view, event.message);
    case 'conversation': return applyConversation(view, event);
    case 'participant': return applyParticipant(view, event);
    case 'read': return applyRead(view, event);
    case 'delivered': return applyMarker(view, event, 'last_delivered_sequence');
    case 'receipts': return applyReceipts(view, event);
    case 'mute': return change(view, event, ({ muted, muted_until }) => ({ muted, muted_until }));
    case 'notification_level': return change(view, event, ({ notification_level }) => ({ notification_level }));
    case 'skipped': return applySkipped(view, event);
    default: return [];
  }
}

// Puts in a whole conversation, from a snapshot or an event. Answers whether that was at least as new as what was known.
export function putConversation(view, conversation) {
  const known = view.conversations.get(conversation.id);
  if (!known) {
    view.conversations.set(conversation.id, { ...conversation, counted: [], countedThrough: conversation.last_sequence });
    return true;
  }
  const { title, participant_count, version, role, last_sequence, last_message_id, last_message_at, last_message_preview,
    unread_count, last_read_sequence, ...rest } = conversation;
  Object.assign(known, rest);
  putVersioned(known, conversation);
  if (last_read_sequence < known.last_read_sequence) return false; // its count is of an older marker
  if (last_sequence < known.countedThrough) return false;
  known.last_read_sequence = last_read_sequence;
  recount(known, unread_count, last_sequence);
  if (last_sequence < known.last_sequence) return true; // the rest has come as events
  Object.assign(known, { last_sequence, last_message_id, last_message_at, last_message_preview });
  return true;
}

function applyMessage(view, message) {
  const conversation = view.conversations.get(message.conversation_id);
  if (!conversation) return [message.conversation_id];
  const number = message.sequence_number;
  if (number <= conversation.last_sequence) return [];
  const isGap = number > conversation.last_sequence + 1;
  Object.assign(conversation, {
    last_sequence: number, last_message_id: message.id, last_message_at: message.created_at,
    last_message_preview: previewOf(message),
  });
  if (message.sender_id !== view.userId) {
    conversation.unread_count += 1;
    conversation.counted.push(number);
  }
  return isGap ? [conversation.id] : [];
}

// An unread count is right as of a sequence number; `counted` has the messages of others after it.
function recount(conversation, unreadCount, through) {
  conversation.counted = conversation.counted.filter((number) => number > through);
  conversation.countedThrough = through;
  conversation.unread_count = unreadCount + conversation.counted.length;
}

function applyRead(view, event) {
  applyMarker(view, event, 'last_read_sequence');
  return event.user_id === view.userId ? applyOwnRead(view, event) : [];
}

// Also for the answer to a `read` of one's own, which tells the same.
export function applyOwnRead(view, { conversation_id, sequence_number, unread_count, last_sequence }) {
  const conversation = view.conversations.get(conversation_id);
  if (!conversation || sequence_number < conversation.last_read_sequence) return [];
  conversation.last_read_sequence = sequence_number;
  if (last_sequence < conversation.countedThrough) return [conversation_id];
  recount(conversation, unread_count, last_sequence);
  return [];
}

function applyMarker(view, { conversation_id, user_id, sequence_number }, name) {
  const members = view.members.get(conversation_id);
  members?.held?.push(['marker', user_id, name, sequence_number]);
  const member = members?.users.get(user_id);
  if (member) member[name] = Math.max(member[name] ?? 0, sequence_number);
  return [];
}

function applyReceipts(view, { conversation_id, ...counts }) {
  const conversation = view.conversations.get(conversation_id);
  const isNewer = counts.sequence_number >= (conversation?.receipts?.sequence_number ?? 0);
  if (conversation && isNewer) conversation.receipts = counts;
  return [];
}

function applyConversation(view, { conversation_id, change: kind, conversation }) {
  if (kind === 'removed') {
    view.conversations.delete(conversation_id);
    view.members.delete(conversation_id);
    return [];
  }
  const isWhole = conversation?.last_sequence !== undefined;
  if (isWhole) return putConversation(view, conversation) ? [] : [conversation_id];
  const known = view.conversations.get(conversation_id);
  if (!known || !conversation) return [conversation_id];
  putVersioned(known, conversation);
  return [];
}

// `version` counts the changes of title and participants together, but an event tells one of them. So each of them
// remembers the version it is of: an older title is news when what came before it was only a participant.
function putVersioned(known, { version, ...told }) {
  known.versions ??= {};
  for (const name of ['title', 'participant_count', 'role']) {
    if (told[name] === undefined || version < (known.versions[name] ?? known.version)) continue;
    known[name] = told[name];
    known.versions[name] = version;
  }
  known.version = Math.max(known.version, version);
}

function applyParticipant(view, { conversation_id, user_id, change: kind, role, participant_count, version }) {
  const conversation = view.conversations.get(conversation_id);
  const isOwn = user_id === view.userId && role !== null;
  if (conversation) putVersioned(conversation, { version, participant_count, role: isOwn ? role : undefined });
  const members = view.members.get(conversation_id);
  members?.held?.push(['participant', user_id, kind, role, version]);
  if (members) putParticipant(members, user_id, kind, role, version);
  return [];
}

function putParticipant({ users, versions }, user_id, kind, role, version) {
  if (version < (versions.get(user_id) ?? 0)) return;
  versions.set(user_id, version);
  if (kind === 'left') return void users.delete(user_id);
  const member = users.get(user_id);
  if (member) member.role = role;
  else users.set(user_id, { user_id, role, last_read_sequence: 0, last_delivered_sequence: 0 });
}

function applySkipped(view, { conversation_id, sequence_number }) {
  const conversation = view.conversations.get(conversation_id);
  if (conversation) conversation.last_sequence = Math.max(conversation.last_sequence, sequence_number);
  return [conversation_id]; // only the server knows the preview and how many of them are unread
}

function change(view, event, members) {
  const conversation = view.conversations.get(event.conversation_id);
  if (conversation) Object.assign(conversation, members(event));
  return [];
}

// MARK: Participants, with their markers

// Call it before asking for the participants: from now on events are held for them.
export function beginMembers(view, conversationId) {
  const members = view.members.get(conversationId) ?? { users: new Map(), versions: new Map(), held: null, complete: false };
  members.held = [];
  view.members.set(conversationId, members);
  return members;
}

export function putMembers(members, participants, complete) {
  members.users = new Map(participants.map((each) => [each.user_id, { ...each }]));
  members.versions.clear();
  members.complete = complete;
  for (const [kind, userId, name, value, version] of members.held ?? []) {
    const member = members.users.get(userId);
    if (kind === 'participant') putParticipant(members, userId, name, value, version);
    else if (member) member[name] = Math.max(member[name] ?? 0, value);
  }
  members.held = null;
}

// How far a message of one's own has come: how many of the others have received and have read it, of how many.
export function receiptsOf(view, conversationId, number) {
  const conversation = view.conversations.get(conversationId);
  const members = view.members.get(conversationId);
  const others = Math.max(0, (conversation?.participant_count ?? 1) - 1);
  const counts = conversation?.receipts;
  if (counts && counts.sequence_number >= number) return { others, delivered: counts.delivered_count, read: counts.read_count };
  let delivered = 0;
  let read = 0;
  for (const each of members?.users.values() ?? []) {
    if (each.user_id === view.userId) continue;
    if (each.last_read_sequence >= number) read += 1;
    if (Math.max(each.last_read_sequence, each.last_delivered_sequence ?? 0) >= number) delivered += 1;
  }
  return { others, delivered, read };
}

// MARK: Preview

// The server's rule for last_message_preview, so that a list reads the same live as after loading it again.
export function previewOf(message) {
  if (message.message_type !== 'text') return previewOfType(message);
  const line = message.content.slice(0, 2_000).replace(/\r\n|[\r\n\u2028\u2029]/g, ' ');
  const characters = [...new Intl.Segmenter().segment(line)];
  const preview = characters.slice(0, 100).map((each) => each.segment).join('');
  return characters.length > 100 ? `${preview}...` : preview;
}

export function previewOfType({ message_type, media_ids }) {
  switch (message_type) {
    case 'image': return media_ids.length > 1 ? `📷 ${media_ids.length} photos` : '📷 Photo';
    case 'video': return '🎥 Video';
    case 'audio': return '🎵 Audio';
    case 'document': return '📄 Document';
    case 'location': return '📍 Location';
    case 'contact': return '👤 Contact';
    default: return 'Message';
  }
}
