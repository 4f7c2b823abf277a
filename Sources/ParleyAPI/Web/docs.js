// Shows openapi.yaml as a page: what the server does, route by route, with schemas, examples and errors.

import { parseYaml } from './yaml.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const content = document.getElementById('content');
const entries = document.getElementById('entries');
let api;

start().catch((error) => {
  content.replaceChildren(
    h('h1', {}, 'This page could not be shown'),
    h('p', { class: 'problem', role: 'alert' }, `openapi.yaml: ${error.message}`),
    h('p', {}, 'The description as text: ', h('a', { href: 'openapi.yaml' }, 'openapi.yaml')),
  );
});

async function start() {
  const answer = await fetch('openapi.yaml');
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  api = parseYaml(await answer.text());
  const groups = groupByTag();
  content.replaceChildren(overview(), ...groups.map(group), problems(), schemas());
  entries.replaceChildren(...navigation(groups));
  prepareMenu();
  prepareFilter();
  window.addEventListener('hashchange', showTarget);
  showTarget();
}

function groupByTag() {
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })),
  );
  return api.tags.map((tag) => ({ ...tag, operations: operations.filter((operation) => operation.tags.includes(tag.name)) }));
}

// Building the page

function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function overview() {
  return h('section', { id: 'overview' },
    h('h1', {}, api.info.title),
    h('p', { class: 'lead' }, api.info.summary),
    prose(api.info.description),
    Object.entries(api.components.securitySchemes).map(([name, scheme]) =>
      h('div', { class: 'note' }, h('strong', {}, `${name}: ${scheme.type} ${scheme.scheme}`), prose(scheme.description))),
  );
}

function group(tag) {
  return h('section', { id: anchor('tag', tag.name) },
    h('h2', {}, tag.name),
    prose(tag.description),
    tag.operations.map(operationArticle),
  );
}

function operationArticle(operation) {
  const security = operation.security ?? api.security;
  const optional = security.some((scheme) => Object.keys(scheme).length === 0);
  const token = security.length === 0 ? 'no token' : optional ? 'token optional' : 'bearer token';
  return h('article', { id: operation.operationId, 'data-search': searchText(operation) },
    h('h3', {}, methodBadge(operation.method), h('code', { class: 'path' }, breakable(operation.path)), linkHere(operation.operationId)),
    h('p', { class: 'summary' }, operation.summary, h('span', { class: 'tag' }, token)),
    operation.description && prose(operation.description),
    parameterTable((operation.parameters ?? []).map(resolve)),
    requestBody(operation),
    h('h4', {}, 'Try it'),
    code(curl(operation, token)),
    h('h4', {}, 'Answers'),
    Object.entries(operation.responses).map(([status, response]) => answer(status, response)),
  );
}

function searchText(operation) {
  const codes = Object.values(operation.responses).map((response) => resolve(response).description);
  return [operation.method, operation.path, operation.summary, operation.operationId, ...codes].join(' ').toLowerCase();
}

function parameterTable(parameters) {
  if (parameters.length === 0) return null;
  return [
    h('h4', {}, 'Parameters'),
    h('ul', { class: 'fields' }, parameters.map((parameter) => h('li', {},
      h('div', { class: 'field' },
        h('code', { class: 'name' }, parameter.name),
        typeLinks(parameter.schema),
        h('span', { class: 'tag' }, parameter.in),
        parameter.required && h('span', { class: 'tag required' }, 'required')),
      parameter.description && prose(parameter.description),
      constraints(parameter.schema)))),
  ];
}

function requestBody(operation) {
  if (!operation.requestBody) return null;
  return [h('h4', {}, 'Body'), Object.entries(operation.requestBody.content).map(([type, media]) => body(type, media, true))];
}

function answer(status, reference) {
  const response = resolve(reference);
  const kind = `s${status[0]}`;
  const codes = [...response.description.matchAll(/^- `([a-z_]+)`/gm)].map((match) => match[1]);
  const headline = codes.length > 0 ? codes.map((name) => h('code', {}, name)) : [response.description.split('\n')[0]];
  return h('details', { class: 'answer', open: status[0] === '2' },
    h('summary', {}, h('span', { class: `status ${kind}` }, status), h('span', { class: 'headline' }, headline)),
    h('div', { class: 'inside' },
      codes.length > 0 || response.description.includes('\n') ? prose(response.description) : null,
      headerList(response.headers),
      Object.entries(response.content ?? {}).map(([type, media]) => body(type, media, status[0] === '2'))));
}

function headerList(headers) {
  if (!headers) return null;
  return h('ul', { class: 'fields' }, Object.entries(headers).map(([name, reference]) => {
    const header = resolve(reference);
    return h('li', {}, h('div', { class: 'field' }, h('code', { class: 'name' }, name), h('span', { class: 'type' }, typeLine(header.schema)),
      h('span', { class: 'tag' }, 'header')), h('span', { class: 'about' }, header.description));
  }));
}

function body(type, media, open) {
  const examples = media.examples
    ? Object.entries(media.examples).map(([name, example]) => [resolve(example).summary ?? name, resolve(example).value])
    : 'example' in media ? [['Example', media.example]] : [];
  return h('div', { class: 'body' },
    h('div', { class: 'media' }, h('code', {}, type)),
    h('details', { class: 'schema', open }, h('summary', {}, 'Schema'), schemaView(media.schema)),
    exampleTabs(examples));
}

function exampleTabs(examples) {
  if (examples.length === 0) return null;
  const shown = h('div', { class: 'shown', 'aria-live': 'polite' }, code(print(examples[0][1])));
  if (examples.length === 1) return shown;
  const buttons = examples.map(([name, value], index) => {
    const button = h('button', { type: 'button', 'aria-pressed': String(index === 0) }, name);
    button.addEventListener('click', () => {
      buttons.forEach((other) => other.setAttribute('aria-pressed', String(other === button)));
      shown.replaceChildren(code(print(value)));
    });
    return button;
  });
  return [h('div', { class: 'choices', role: 'group', 'aria-label': 'Examples' }, buttons), shown];
}

function problems() {
  return h('section', { id: 'problems' },
    h('h2', {}, 'Problems'),
    prose('Every error is `application/problem+json`. Decide by `code`, show `detail`, try again when `retryable` is true.'),
    api.components.schemas.ProblemCode.enum.map((name) => [name, api.components.examples[name]]).map(([name, example]) =>
      h('details', { class: 'answer', id: anchor('problem', name), 'data-search': name },
        h('summary', {}, h('span', { class: `status s${String(example.value.status)[0]}` }, String(example.value.status)),
          h('span', { class: 'headline' }, h('code', {}, name), ` ${problemMeaning(name)}`)),
        h('div', { class: 'inside' }, code(print(example.value))))));
}

function problemMeaning(name) {
  const line = api.components.schemas.ProblemCode.description.split('\n').find((text) => text.startsWith(`- \`${name}\` `));
  return line ? line.slice(line.indexOf(': ') + 2).replaceAll('`', '') : '';
}

function schemas() {
  return h('section', { id: 'schemas' },
    h('h2', {}, 'Schemas'),
    Object.entries(api.components.schemas).map(([name, schema]) =>
      h('details', { class: 'answer', id: anchor('schema', name), 'data-search': name.toLowerCase() },
        h('summary', {}, h('code', { class: 'name' }, name), h('span', { class: 'headline type' }, typeLine(schema))),
        h('div', { class: 'inside' }, schemaView(schema)))));
}

// Schemas

function schemaView(schema, level = 0) {
  if (schema.$ref) {
    return level > 3 ? refLine(schema) : [refLine(schema), schemaView(resolve(schema), level + 1)];
  }
  return h('div', { class: 'tree' },
    schema.description && prose(schema.description),
    constraints(schema),
    fields(schema, level),
    schema.items && h('div', { class: 'nested' }, h('span', { class: 'label' }, 'each item'), schemaView(schema.items, level + 1)),
    typeof schema.additionalProperties === 'object' && h('div', { class: 'nested' }, h('span', { class: 'label' }, 'other keys'), schemaView(schema.additionalProperties, level + 1)),
    alternatives('one of', schema.oneOf, level),
    alternatives('one of', (schema.anyOf ?? []).filter((part) => part.type !== 'null'), level),
    alternatives('and', (schema.allOf ?? []).filter((part) => !part.if), level),
    (schema.allOf ?? []).filter((part) => part.if).map(rule));
}

function hasStructure(schema) {
  return Boolean(schema.properties || schema.items || schema.oneOf || schema.anyOf || schema.allOf);
}

function refLine(schema) {
  const name = schema.$ref.split('/').pop();
  return h('div', { class: 'reference' }, h('a', { href: `#${anchor('schema', name)}` }, name));
}

function fields(schema, level) {
  if (!schema.properties) return null;
  const required = schema.required ?? [];
  return h('ul', { class: 'fields' }, Object.entries(schema.properties).map(([name, property]) => {
    const target = inner(property);
    return h('li', {},
      h('div', { class: 'field' },
        h('code', { class: 'name' }, name),
        typeLinks(property),
        required.includes(name) && h('span', { class: 'tag required' }, 'required')),
      property.description && prose(property.description),
      constraints(property),
      hasStructure(target) && nestedView(target, property, level));
  }));
}

// The schema inside `X or null`, and behind a reference.
function inner(schema) {
  const part = (schema.anyOf ?? []).filter((option) => option.type !== 'null');
  return resolve(part.length === 1 ? part[0] : schema);
}

function nestedView(target, property, level) {
  if (target.items && !hasStructure(inner(target.items))) return null;
  return h('details', { class: 'nested' }, h('summary', {}, typeLine(property)), lazily(() => schemaView(target.items ? target.items : target, level + 1)));
}

// Built when it is first opened: schemas nest, and most are never looked at.
function lazily(build) {
  const place = h('div', {});
  queueMicrotask(() => {
    const details = place.closest('details');
    if (!details || details.open) place.append(...[build()].flat());
    else details.addEventListener('toggle', () => place.append(...[build()].flat()), { once: true });
  });
  return place;
}

function alternatives(label, parts, level) {
  if (!parts || parts.length === 0 || (label === 'one of' && parts.length === 1 && !hasStructure(resolve(parts[0])))) return null;
  return parts.map((part) => h('div', { class: 'nested' }, h('span', { class: 'label' }, label), schemaView(part, level + 1)));
}

function rule(part) {
  return h('div', { class: 'note' },
    h('p', {}, 'When ', condition(part.if), ':'),
    part.then && h('p', {}, condition(part.then)),
    part.else && h('p', {}, 'Otherwise ', condition(part.else)));
}

function condition(schema) {
  const parts = Object.entries(schema.properties ?? {}).map(([name, value]) => [h('code', {}, name), ` ${expectation(value)}`]);
  for (const option of schema.anyOf ?? []) parts.push(condition(option));
  const word = schema.anyOf ? ' or ' : ' and ';
  return parts.flatMap((part, index) => (index === 0 ? [part] : [word, part]));
}

function expectation(value) {
  if ('const' in value) return `is ${print(value.const)}`;
  if (value.enum) return `is ${value.enum.join(', ')}`;
  if (value.minLength) return 'is there and not empty';
  if (value.minItems) return 'has at least one item';
  if (value.type === 'null') return 'is null';
  return `is ${[value.type].flat().join(' or ')}`;
}

function typeLine(schema) {
  if (!schema) return 'anything';
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.anyOf) return schema.anyOf.map(typeLine).join(' or ');
  if (schema.oneOf) return schema.oneOf.map(typeLine).join(' or ');
  if (!schema.type && schema.allOf) return schema.allOf.filter((part) => part.$ref).map(typeLine).join(' and ') || 'rules';
  const types = [schema.type ?? 'anything'].flat();
  return types.map((type) => {
    if (type === 'array' && schema.items) return `array of ${typeLine(schema.items)}`;
    return schema.format && type !== 'null' ? `${type} (${schema.format})` : type;
  }).join(' or ');
}

// The same, with the names of schemas as links.
function typeLinks(schema) {
  const parts = typeLine(schema).split(/([A-Z]\w+)/);
  return h('span', { class: 'type' }, parts.map((part) =>
    Object.hasOwn(api.components.schemas, part) ? h('a', { href: `#${anchor('schema', part)}` }, part) : part));
}

function constraints(schema) {
  if (!schema || schema.$ref) return null;
  const facts = [];
  const range = (low, high, unit) => {
    if (low !== undefined && high !== undefined) facts.push(low === high ? `exactly ${low}${low === 1 ? unit.replace(/s$/, '') : unit}` : `${low} to ${high}${unit}`);
    else if (low !== undefined) facts.push(`at least ${low}${unit}`);
    else if (high !== undefined) facts.push(`at most ${high}${unit}`);
  };
  range(schema.minimum, schema.maximum, '');
  range(schema.minLength, schema.maxLength, ' code points');
  range(schema.minItems, schema.maxItems, ' items');
  if (schema.uniqueItems) facts.push('each once');
  if (schema.default !== undefined) facts.push(['default ', h('code', {}, print(schema.default))]);
  if ('const' in schema) facts.push(['always ', h('code', {}, print(schema.const))]);
  if (schema.enum) facts.push(['one of ', schema.enum.flatMap((value) => [h('code', {}, print(value)), ' '])]);
  if (schema.pattern) facts.push(schema.pattern === '^[^\\u0000]*$' ? 'no U+0000' : ['pattern ', h('code', {}, schema.pattern)]);
  if (facts.length === 0) return null;
  return h('p', { class: 'facts' }, facts.flatMap((fact, index) => (index === 0 ? [fact] : [' · ', fact])));
}

// Values and text

function resolve(value) {
  let result = value;
  while (result && result.$ref) {
    result = result.$ref.replace(/^#\//, '').split('/').reduce((place, key) => place[key], api);
    if (!result) throw new Error(`the reference ${value.$ref} leads nowhere`);
  }
  return result;
}

// JSON as people write it: short lists of scalars on one line.
function print(value, indent = '') {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return indent === '' && value.includes('\n') ? value : JSON.stringify(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const deeper = `${indent}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item) => print(item, deeper))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${print(item, deeper)}`);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return open + close;
  if (isList && parts.length < 4 && parts.every((part) => part.length < 40 && !part.includes('{'))) return `[${parts.join(', ')}]`;
  return `${open}\n${parts.map((part) => deeper + part).join(',\n')}\n${indent}${close}`;
}

function curl(operation, token) {
  const parameters = (operation.parameters ?? []).map(resolve);
  const path = operation.path.replace(/\{([^}]+)\}/g, (whole, name) => parameters.find((parameter) => parameter.name === name)?.example ?? whole);
  const lines = [`curl${operation.method === 'get' ? '' : ` -X ${operation.method.toUpperCase()}`} '${window.location.origin}${path}'`];
  if (token === 'bearer token') lines.push(`-H "Authorization: Bearer $TOKEN"`);
  const media = operation.requestBody?.content['application/json'];
  if (media) {
    const example = resolve(Object.values(media.examples)[0]).value;
    lines.push(`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(example).replaceAll("'", String.raw`'\''`)}'`);
  }
  return lines.join(' \\\n  ');
}

function code(text) {
  const block = h('pre', { tabindex: '0' }, h('code', {}, text));
  const button = h('button', { type: 'button', class: 'copy' }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Not allowed';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
  return h('div', { class: 'code' }, block, button);
}

// The little Markdown that the descriptions use: paragraphs, lists, `code` and **strong**.
function prose(text) {
  const blocks = text.split(/\n{2,}/).map((block) => {
    const lines = block.split('\n');
    if (!lines[0].startsWith('- ')) return h('p', {}, inline(lines.join(' ')));
    const items = [];
    for (const line of lines) {
      if (line.startsWith('- ')) items.push(line.slice(2));
      else items[items.length - 1] += ` ${line.trim()}`;
    }
    return h('ul', {}, items.map((item) => h('li', {}, inline(item))));
  });
  return h('div', { class: 'prose' }, blocks);
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith('`')) return h('code', {}, part.slice(1, -1));
    if (part.startsWith('**')) return h('strong', {}, part.slice(2, -2));
    return part;
  });
}

function breakable(path) {
  return path.split(/(?=\/)/).flatMap((part, index) => (index === 0 ? [part] : [h('wbr', {}), part]));
}

function methodBadge(method) {
  return h('span', { class: `method ${method}` }, method.toUpperCase());
}

function linkHere(id) {
  return h('a', { class: 'here', href: `#${id}`, 'aria-label': 'Link to this' }, '#');
}

function anchor(kind, name) {
  return `${kind}-${name.toLowerCase().replace(/[^a-z0-9_]+/g, '-')}`;
}

// Finding one's way

function navigation(groups) {
  return [
    h('ul', {}, h('li', {}, h('a', { href: '#overview' }, 'Overview'))),
    groups.map((tag) => h('div', { class: 'entries' },
      h('a', { class: 'heading', href: `#${anchor('tag', tag.name)}` }, tag.name),
      h('ul', {}, tag.operations.map((operation) => h('li', { 'data-for': operation.operationId },
        h('a', { href: `#${operation.operationId}`, title: `${operation.method.toUpperCase()} ${operation.path}` },
          methodBadge(operation.method), h('span', {}, operation.summary))))))),
    h('ul', {},
      h('li', {}, h('a', { href: '#problems' }, 'Problems')),
      h('li', {}, h('a', { href: '#schemas' }, 'Schemas'))),
  ].flat();
}

function prepareMenu() {
  const menu = document.getElementById('menu');
  const show = (open) => {
    document.body.classList.toggle('menu-open', open);
    menu.setAttribute('aria-expanded', String(open));
  };
  menu.addEventListener('click', () => show(menu.getAttribute('aria-expanded') !== 'true'));
  entries.addEventListener('click', (event) => {
    if (event.target.closest('a')) show(false);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') show(false);
  });
}

// Hides what does not contain every word, in the list and on the page.
function prepareFilter() {
  const filter = document.getElementById('filter');
  filter.addEventListener('input', () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const element of content.querySelectorAll('[data-search]')) {
      element.hidden = !words.every((word) => element.dataset.search.includes(word));
    }
    for (const entry of entries.querySelectorAll('[data-for]')) {
      entry.hidden = document.getElementById(entry.dataset.for).hidden;
    }
    for (const list of entries.querySelectorAll('.entries')) list.hidden = !list.querySelector('li:not([hidden])');
    for (const section of content.querySelectorAll('section')) {
      const found = section.querySelectorAll('[data-search]');
      section.hidden = words.length > 0 && ![...found].some((element) => !element.hidden);
    }
  });
}

function showTarget() {
  const id = decodeURIComponent(window.location.hash.slice(1));
  for (const link of entries.querySelectorAll('a')) {
    if (id !== '' && link.getAttribute('href') === `#${id}`) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  const target = id && document.getElementById(id);
  if (!target) return;
  if (target.tagName === 'DETAILS') target.open = true;
  target.scrollIntoView();
}
