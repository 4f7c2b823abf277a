// What the page knows. The modules change it and then draw what it says.

export const GAP_PATIENCE_MS = 300;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const state = {
  demo: null, // what /demo/session told, or null with a pasted token
  me: null, // { id, name, token }; with a pasted token the id is known once the connection is open
  connection: null,
  connectionState: { name: 'none' },
  conversations: new Map(),
  nextCursor: null,
  changedDuringRefresh: null, // ids that events brought while a list was on its way
  timeline: null, // of the conversation that is open
  drafts: [], // what was sent from here and is not seen in a timeline yet, in all conversations
  unsentTexts: new Map(), // conversation id → what stands in the field
  atBottom: true,
};
