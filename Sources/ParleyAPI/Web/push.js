// Notifications while this page is closed: the permission, the service worker (service-worker.js) that shows them, the
// subscription at the browser's push service, and the device that Parley sends to.
//
// A subscription belongs to a service worker, and a service worker to a part of the site. The people of the demo have one
// each, so that their windows in one browser do not take each other's notifications.

import { state } from './state.js';
import { Problem, call } from './api.js';
import { announceText, element, showProblem } from './page.js';
import { icon } from './icons.js';

const WORKER = '/service-worker.js';

let serverKey = null; // what subscriptions are made with
let registration = null; // of the service worker, once there is a subscription
let isWorking = false;

const isSupported = () => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;
const scope = () => (state.demo ? `/?as=${encodeURIComponent(state.me.name.toLowerCase())}` : '/');
const isOn = () => registration !== null;

// Shows the button where there is something to turn on, and renews what was turned on before: browsers give up subscriptions,
// and servers forget devices that their push service no longer knows.
export async function beginPush() {
  if (!isSupported()) return;
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (data?.type === 'open') location.hash = data.conversation_id;
  });
  navigator.serviceWorker.startMessages();
  try {
    serverKey = (await call('GET', '/v1/push/webpush-key')).public_key;
    if (remembered()?.user_id === state.me.id && Notification.permission === 'granted') await subscribe();
  } catch (error) {
    // Nobody has asked for anything yet, so nobody is told.
    if (error.status !== 404) console.warn('notifications could not be renewed:', error.message);
  }
  drawPush();
}

export async function togglePush() {
  if (isWorking) return;
  isWorking = true;
  drawPush();
  try {
    if (isOn()) await turnOff();
    else await turnOn();
  } catch (error) {
    showProblem(error instanceof Problem ? error : new Problem({
      detail: 'This browser could not set up notifications. Its push service may be out of reach; please try again later.' }));
  }
  isWorking = false;
  drawPush();
}

async function turnOn() {
  // First of all: browsers ask only in answer to a click.
  if (await Notification.requestPermission() !== 'granted') {
    throw new Problem({ detail: 'This browser blocks notifications from this page. Allow them in its settings for this site, then try again.' });
  }
  await subscribe();
  announceText('Notifications are on');
}

async function turnOff() {
  const { device_id } = remembered() ?? {};
  const subscription = await registration.pushManager.getSubscription();
  if (device_id) await call('DELETE', `/v1/devices/${device_id}`).catch((error) => { if (error.status !== 404) throw error; });
  await subscription?.unsubscribe();
  for (const alert of await registration.getNotifications()) alert.close();
  localStorage.removeItem(memoryKey());
  registration = null;
  navigator.clearAppBadge?.().catch(() => {});
  announceText('Notifications are off');
}

async function subscribe() {
  const worker = await navigator.serviceWorker.register(WORKER, { scope: scope(), updateViaCache: 'none' });
  await activated(worker);
  const subscription = await subscriptionOf(worker);
  const { id } = await call('POST', '/v1/devices', { kind: 'webpush', subscription: subscription.toJSON(), name: 'Browser' });
  localStorage.setItem(memoryKey(), JSON.stringify({ user_id: state.me.id, device_id: id }));
  registration = worker;
}

// One that was made with another key is of no use to this server.
async function subscriptionOf(worker) {
  const applicationServerKey = bytesOf(serverKey);
  const existing = await worker.pushManager.getSubscription();
  if (existing && sameBytes(existing.options?.applicationServerKey, applicationServerKey)) return existing;
  await existing?.unsubscribe();
  return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
}

function activated(worker) {
  const starting = worker.installing ?? worker.waiting;
  if (worker.active || !starting) return null;
  return new Promise((resolve, reject) => {
    starting.addEventListener('statechange', () => {
      if (starting.state === 'activated') resolve();
      if (starting.state === 'redundant') reject(new Error('The service worker did not start.'));
    });
  });
}

const bytesOf = (key) => Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (each) => each.charCodeAt(0));
const sameBytes = (buffer, bytes) => buffer && new Uint8Array(buffer).toString() === bytes.toString();

const memoryKey = () => `parley-push ${scope()}`;

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(memoryKey()));
  } catch {
    return null;
  }
}

// MARK: Alerts that are out of date

// Takes away the alerts of what has been read, here or elsewhere, and writes the number of unread messages on the app's icon.
export async function tidyAlerts() {
  if (!isOn()) return;
  const { conversations } = state.view;
  for (const alert of await registration.getNotifications()) {
    const conversation = conversations.get(alert.data?.conversation_id);
    if (conversation && conversation.last_read_sequence >= alert.data.sequence_number) alert.close();
  }
  if (state.nextCursor || state.heldEvents) return; // then not all conversations are known
  const unread = [...conversations.values()].reduce((sum, each) => sum + each.unread_count, 0);
  (unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.())?.catch(() => {});
}

// MARK: The button

function drawPush() {
  const button = element('push-toggle');
  button.hidden = serverKey === null;
  button.disabled = isWorking;
  button.setAttribute('aria-pressed', String(isOn()));
  button.title = isOn() ? 'Turn off notifications' : 'Turn on notifications';
  button.replaceChildren(icon(isOn() ? 'bell' : 'muted'));
}
