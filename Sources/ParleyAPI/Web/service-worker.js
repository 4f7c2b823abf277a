// Shows notifications, also while no page is open. What it gets is described in docs/WEBPUSH.md.
//
// Every push has to show something: Safari ends the permission after a few that do not, Firefox and Chrome grant a small
// number. So a message always shows an alert; only `read`, which comes seldom and never to Safari, takes alerts away.

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('push', (event) => event.waitUntil(inOrder(() => received(event))));
self.addEventListener('notificationclick', (event) => event.waitUntil(clicked(event.notification)));

// One after the other: what was read must not be worked on before the alert that it takes away.
let working = Promise.resolve();

function inOrder(work) {
  working = working.then(work, work);
  return working;
}

async function received({ data }) {
  const told = read(data);
  await Promise.all([told.type === 'read' ? clearRead(told) : showAlert(told), writeBadge(told.badge)]);
}

// What cannot be read still has to show something.
function read(data) {
  try {
    return data?.json() ?? {};
  } catch {
    return {};
  }
}

// The alerts of a conversation replace each other. One that comes late does not replace a newer one.
async function showAlert({ conversation_id, message_id, sequence_number, title, body, count }) {
  if (conversation_id && await showsNewer(conversation_id, sequence_number)) return;
  await self.registration.showNotification(title || 'New message', {
    body: count > 1 ? `${count} new messages` : body || 'You have a new message',
    tag: conversation_id ?? 'parley',
    renotify: true,
    icon: '/demo/icon.png',
    data: { conversation_id, message_id, sequence_number },
  });
}

async function showsNewer(conversation_id, sequence_number) {
  const shown = await self.registration.getNotifications({ tag: conversation_id });
  return shown.some((alert) => alert.data?.sequence_number > sequence_number);
}

async function clearRead({ conversation_id, last_read_sequence }) {
  for (const alert of await self.registration.getNotifications({ tag: conversation_id })) {
    if (!(alert.data?.sequence_number > last_read_sequence)) alert.close();
  }
}

// Not counted is not zero: then the number stays as it is.
async function writeBadge(badge) {
  if (typeof badge !== 'number') return;
  await (badge > 0 ? navigator.setAppBadge?.(badge) : navigator.clearAppBadge?.())?.catch(() => {});
}

async function clicked(notification) {
  notification.close();
  const { conversation_id } = notification.data ?? {};
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = pages.find((each) => isOwn(each.url));
  if (!page) return self.clients.openWindow(self.registration.scope + (conversation_id ? `#${conversation_id}` : ''));
  if (conversation_id) page.postMessage({ type: 'open', conversation_id });
  return page.focus();
}

// Whether a page is the demo's, and of the same user: see push.js on its scopes.
function isOwn(address) {
  const [page, scope] = [new URL(address), new URL(self.registration.scope)];
  return page.pathname === scope.pathname && page.searchParams.get('as') === scope.searchParams.get('as');
}
