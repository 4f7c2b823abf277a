// What the page knows. The modules change it and then draw what it says.

import { newView } from './view.js';

export const GAP_PATIENCE_MS = 300;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const state = {
  demo: null, // what /demo/session told, or null with a pasted token
  me: null, // { id, name, token }; with a pasted token the id is known once the connection is open
  connection: null,
  connectionState: { name: 'none' },
  limits: {}, // what the server said it allows
  view: newView(null), // conversations and participants, kept by view.js
  heldEvents: null, // events that wait for a snapshot which is being read
  nextCursor: null, // of the conversation list
  timeline: null, // of the conversation that is open
  drafts: [], // what was sent from here and is not seen in a timeline yet, in all conversations
  atBottom: true,
  panelOpen: false,
};

export const openConversation = () => state.view.conversations.get(state.timeline?.conversationId);
