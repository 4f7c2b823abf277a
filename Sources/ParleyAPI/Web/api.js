// REST: requests as the user, and refusals as errors that can be shown.

import { state } from './state.js';

const REQUEST_LIMIT_MS = 15_000;
const RENEW_BEFORE_MS = 5 * 60_000;

export class Problem extends Error {
  constructor({ status = 0, code = 'unknown', detail, retryable = false, requestId = null }) {
    super(detail);
    Object.assign(this, { status, code, detail, retryable, requestId });
  }
}

export async function call(method, path, body) {
  const headers = {};
  if (state.me) headers.Authorization = `Bearer ${state.me.token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    response = await fetch(path, { method, headers, body: JSON.stringify(body), cache: 'no-store', signal });
    if (response.ok) return response.status === 204 ? null : await response.json();
  } catch {
    const detail = 'The server does not answer. Is it running, and are you online?';
    throw new Problem({ code: 'unreachable', detail, retryable: true });
  }
  throw await problemOf(response);
}

async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const wait = response.headers.get('Retry-After');
  const detail = told.detail || told.title || `The server answered ${response.status}.`;
  return new Problem({
    status: response.status,
    code: told.code,
    detail: wait ? `${detail} (try again in ${wait} s)` : detail,
    retryable: told.retryable,
    requestId: told.request_id ?? response.headers.get('X-Request-ID'),
  });
}

// The token of the user, a new one when the present one is about to end. Only the demo can be asked for one.
export async function freshToken() {
  if (state.demo && millisecondsLeft(state.me.token) < RENEW_BEFORE_MS) {
    const { users } = await call('GET', '/demo/session');
    state.me.token = users.find((each) => each.id === state.me.id).token;
  }
  return state.me.token;
}

export function renewInMs() {
  return Math.max(1_000, millisecondsLeft(state.me.token) - RENEW_BEFORE_MS + 1_000);
}

function millisecondsLeft(token) {
  try {
    const claims = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return claims.exp ? claims.exp * 1_000 - Date.now() : Infinity;
  } catch {
    return Infinity;
  }
}

export const conversationPath = (id) => `/v1/conversations/${encodeURIComponent(id)}`;
