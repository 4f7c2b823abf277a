// Whether somebody is at this page, told to the server: an open window with nobody before it keeps no alert back.

import { state } from './state.js';

const AGAIN_MS = 60_000; // the server believes it for two minutes
const IDLE_MS = 60_000; // without a touch of mouse, keys or screen
const LOOK_MS = 15_000;
const TOUCHES = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'];

let touchedAt = Date.now();
let told = null; // what the connection was told last, and when

const isActive = () => document.visibilityState === 'visible' && Date.now() - touchedAt < IDLE_MS;

export function watchActivity() {
  for (const type of TOUCHES) addEventListener(type, touched, { capture: true, passive: true });
  document.addEventListener('visibilitychange', () => (document.visibilityState === 'visible' ? touched() : tellActivity()));
  setInterval(tellActivity, LOOK_MS);
}

// A new connection knows nothing of what others were told.
export function tellActivityAnew() {
  told = null;
  tellActivity();
}

function touched() {
  touchedAt = Date.now();
  tellActivity();
}

function tellActivity() {
  const active = isActive();
  const isNews = told?.active !== active || (active && Date.now() - told.at >= AGAIN_MS);
  if (!isNews || !state.connection?.isOpen) return;
  told = { active, at: Date.now() };
  // Streams of events have no such command: who reads one counts as being there.
  state.connection.command('activity', { active }).catch(() => {});
}
