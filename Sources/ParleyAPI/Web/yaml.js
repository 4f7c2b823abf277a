// Reads the subset of YAML in which openapi.yaml is written, and refuses the rest with the line it stands on:
// block mappings and sequences, flow sequences of scalars on one line, empty [] and {}, scalars on one line,
// literal blocks (| and |-). No anchors, aliases, tags, directives, folded blocks or several documents.

export class YamlError extends Error {
  constructor(message, line) {
    super(`line ${line}: ${message}`);
    this.name = 'YamlError';
    this.line = line;
  }
}

export function parseYaml(text) {
  const reader = new Reader(text);
  const first = reader.peek();
  if (!first) return null;
  if (first.indent !== 0) throw new YamlError('the first line is indented', first.number);
  const value = isEntry(first.text) ? reader.block(0) : scalar(reader.next());
  const rest = reader.peek();
  if (rest) throw new YamlError('unexpected indentation', rest.number);
  return value;
}

class Reader {
  constructor(text) {
    this.lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
    this.position = 0;
    this.pending = null;
  }

  // The next line that says something, as { indent, text, number }; undefined at the end.
  peek() {
    if (this.pending) return this.pending;
    while (this.position < this.lines.length) {
      const line = this.lines[this.position];
      const text = line.trimStart();
      if (text === '' || text.startsWith('#')) {
        this.position += 1;
        continue;
      }
      const indent = line.length - text.length;
      const number = this.position + 1;
      if (line.slice(0, indent).includes('\t')) throw new YamlError('a tab in the indentation', number);
      if (indent === 0 && /^(---|\.\.\.)(\s|$)/.test(text)) throw new YamlError('document markers are not read', number);
      if (indent === 0 && text.startsWith('%')) throw new YamlError('directives are not read', number);
      this.pending = { indent, text: text.trimEnd(), number };
      return this.pending;
    }
    return undefined;
  }

  next() {
    const line = this.peek();
    this.pending = null;
    this.position += 1;
    return line;
  }

  // Puts back what follows a dash, as a line of its own further in.
  putBack(line) {
    this.position -= 1;
    this.pending = line;
  }

  block(indent) {
    return isItem(this.peek().text) ? this.sequence(indent) : this.mapping(indent);
  }

  sequence(indent) {
    const items = [];
    for (let line = this.peek(); line && line.indent === indent && isItem(line.text); line = this.peek()) {
      this.next();
      const rest = line.text.slice(1).trimStart();
      if (rest === '' || rest.startsWith('#')) {
        items.push(this.nested(indent, false));
      } else if (isEntry(rest)) {
        const inner = line.indent + line.text.length - rest.length;
        this.putBack({ indent: inner, text: rest, number: line.number });
        items.push(this.block(inner));
      } else {
        items.push(this.value(rest, line));
      }
      this.refuseDeeper(indent);
    }
    return items;
  }

  mapping(indent) {
    const result = {};
    for (let line = this.peek(); line && line.indent === indent; line = this.peek()) {
      if (isItem(line.text)) throw new YamlError('a sequence item between the keys of a mapping', line.number);
      const entry = splitEntry(line);
      this.next();
      if (Object.hasOwn(result, entry.key)) throw new YamlError(`the key ${entry.key} occurs twice`, line.number);
      const empty = entry.rest === '' || entry.rest.startsWith('#');
      const value = empty ? this.nested(indent, true) : this.value(entry.rest, line);
      Object.defineProperty(result, entry.key, { value, enumerable: true, configurable: true, writable: true });
      this.refuseDeeper(indent);
    }
    return result;
  }

  // What stands on the lines below; a sequence may stand as far left as the key it belongs to.
  nested(indent, ofKey) {
    const line = this.peek();
    if (line && line.indent > indent) {
      return isEntry(line.text) ? this.block(line.indent) : scalar(this.next());
    }
    if (ofKey && line && line.indent === indent && isItem(line.text)) return this.sequence(indent);
    return null;
  }

  value(text, line) {
    if (text[0] === '|') return this.literal(text, line);
    return scalar({ text, number: line.number });
  }

  literal(header, line) {
    if (!/^\|-?(\s+#.*)?$/.test(header)) throw new YamlError(`the block header ${header} is not read`, line.number);
    const lines = [];
    let indent = null;
    while (this.position < this.lines.length) {
      const raw = this.lines[this.position];
      const depth = raw.length - raw.trimStart().length;
      if (raw.trim() !== '') {
        if (indent === null) {
          if (depth <= line.indent) break;
          indent = depth;
        }
        if (depth < indent) break;
      }
      lines.push(indent === null ? '' : raw.slice(indent));
      this.position += 1;
    }
    while (lines.length > 0 && lines[lines.length - 1] === '') lines.pop();
    return lines.join('\n') + (header.startsWith('|-') || lines.length === 0 ? '' : '\n');
  }

  refuseDeeper(indent) {
    const line = this.peek();
    if (line && line.indent > indent) throw new YamlError('unexpected indentation', line.number);
  }
}

function isItem(text) {
  return text === '-' || text.startsWith('- ');
}

function isEntry(text) {
  return isItem(text) || keyEnd(text) >= 0;
}

// Where the colon after the key stands, or -1 when the line is no `key: value`.
function keyEnd(text) {
  if (text[0] === "'" || text[0] === '"') {
    const end = quotedEnd(text);
    return end >= 0 && /^:(\s|$)/.test(text.slice(end)) ? end : -1;
  }
  if (/^[[{]/.test(text)) return -1;
  const match = /:(\s|$)/.exec(text);
  const comment = text.search(/\s#/);
  return match && (comment < 0 || match.index < comment) ? match.index : -1;
}

function splitEntry(line) {
  const end = keyEnd(line.text);
  if (end < 0) throw new YamlError('expected a key and a colon', line.number);
  const text = line.text.slice(0, end).trimEnd();
  if (text === '?' || text.startsWith('? ')) throw new YamlError('keys after a question mark are not read', line.number);
  if (text === '<<') throw new YamlError('merge keys are not read', line.number);
  if (!/^['"]/.test(text)) refuseIndicator(text, line.number);
  const key = /^['"]/.test(text) ? scalar({ text, number: line.number }) : text;
  return { key, rest: line.text.slice(end + 1).trim() };
}

// The position after the closing quote, or -1.
function quotedEnd(text) {
  const quote = text[0];
  for (let i = 1; i < text.length; i += 1) {
    if (quote === '"' && text[i] === '\\') i += 1;
    else if (text[i] === quote) {
      if (quote === "'" && text[i + 1] === "'") i += 1;
      else return i + 1;
    }
  }
  return -1;
}

function scalar({ text, number }) {
  const [value, rest] = takeScalar(text, number, false);
  if (rest !== '' && !/^\s+#/.test(rest)) throw new YamlError(`unexpected ${rest.trim()} after a value`, number);
  return value;
}

// One value from the start of the text, and the text after it.
function takeScalar(text, number, inFlow) {
  const first = text[0];
  if (first === "'" || first === '"') {
    const end = quotedEnd(text);
    if (end < 0) throw new YamlError('a quoted value does not end on its line', number);
    const inner = text.slice(1, end - 1);
    return [first === "'" ? inner.replaceAll("''", "'") : unescape(inner, number), text.slice(end)];
  }
  if (first === '[' && !inFlow) return flowSequence(text, number);
  if (/^\{\s*\}/.test(text) && !inFlow) {
    const length = text.indexOf('}') + 1;
    return [{}, text.slice(length)];
  }
  refuseIndicator(text, number);
  const stop = inFlow ? text.search(/[,\]]|\s#/) : text.search(/\s#/);
  const plain = (stop < 0 ? text : text.slice(0, stop)).trimEnd();
  if (!inFlow && /:(\s|$)/.test(plain)) throw new YamlError('a mapping inside a plain value', number);
  if (inFlow && (/:(\s|$)/.test(plain) || /[[{}]/.test(plain))) throw new YamlError('flow sequences hold scalars only', number);
  return [resolvePlain(plain), text.slice(plain.length)];
}

function flowSequence(text, number) {
  const items = [];
  let rest = text.slice(1).trimStart();
  while (rest[0] !== ']') {
    if (rest === '' || rest[0] === '#') throw new YamlError('a flow sequence does not end on its line', number);
    if (rest[0] === ',') throw new YamlError('an empty item in a flow sequence', number);
    const [item, after] = takeScalar(rest, number, true);
    items.push(item);
    rest = after.trimStart();
    if (rest[0] === ',') rest = rest.slice(1).trimStart();
    else if (rest[0] !== ']') throw new YamlError('expected a comma or ] in a flow sequence', number);
  }
  return [items, rest.slice(1)];
}

function refuseIndicator(text, number) {
  const names = { '&': 'anchors', '*': 'aliases', '!': 'tags', '>': 'folded blocks', '{': 'flow mappings', '[': 'nested flow sequences', '|': 'literal blocks here', '@': 'values that begin with @', '`': 'values that begin with a backtick', '%': 'values that begin with %', ']': 'values that begin with ]', '}': 'values that begin with }', ',': 'values that begin with a comma' };
  const name = names[text[0]];
  if (name) throw new YamlError(`${name} are not read`, number);
  if (/^\?(\s|$)/.test(text)) throw new YamlError('keys after a question mark are not read', number);
}

// The core schema of YAML 1.2. Integers too large for a number keep every digit as a BigInt.
function resolvePlain(text) {
  if (text === '' || text === '~' || /^(null|Null|NULL)$/.test(text)) return null;
  if (/^(true|True|TRUE)$/.test(text)) return true;
  if (/^(false|False|FALSE)$/.test(text)) return false;
  if (/^[-+]?[0-9]+$/.test(text)) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text.replace('+', ''));
  }
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(text)) return Number(text);
  return text;
}

const escapes = { '0': '\0', a: '\x07', b: '\b', t: '\t', n: '\n', v: '\v', f: '\f', r: '\r', e: '\x1b', ' ': ' ', '"': '"', '/': '/', '\\': '\\', N: '\x85', _: '\xa0', L: '\u2028', P: '\u2029' };

function unescape(text, number) {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/g, (whole, code) => {
    if (code.length > 1) return String.fromCodePoint(parseInt(code.slice(1), 16));
    if (!Object.hasOwn(escapes, code)) throw new YamlError(`the escape ${whole} is not read`, number);
    return escapes[code];
  });
}
