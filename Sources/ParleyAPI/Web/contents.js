// What stands in a bubble: text, pictures, players, files, places and people.
//
// Addresses of media were written by users. Only http and https are followed, so that none runs as a script, and only
// https (or this very server) is loaded into the page, as its content security policy says.

import { make } from './page.js';
import { drawAvatar, sizeOf } from './names.js';
import { icon } from './icons.js';

export function makeContents({ message_type, content, media }) {
  switch (message_type) {
    case 'location': return [makeLocation(content)];
    case 'contact': return [makeContact(content)];
    case 'text': case 'image': case 'video': case 'audio': case 'document': break;
    default: return [make('p', { class: 'kind' }, message_type), ...media.map(makeFile), ...makeText(content)];
  }
  const pictures = media.filter((each) => each.kind === 'image' && isShown(each.url));
  const others = media.filter((each) => !pictures.includes(each)).map(makeMedia);
  const album = pictures.length > 0 ? [make('div', { class: `album of-${Math.min(4, pictures.length)}` }, ...pictures.map(makePicture))] : [];
  return [...album, ...others, ...makeText(content)];
}

function makeText(content) {
  return content ? [make('p', { class: 'content', dir: 'auto' }, ...linked(content))] : [];
}

// Addresses in a text become links; everything around them stays text.
function linked(text) {
  const parts = text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/i);
  return parts.map((part, index) => (index % 2 === 0 ? part : link(part, part)));
}

function link(url, ...children) {
  return make('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, ...children);
}

const isFollowed = (url) => /^https?:\/\//i.test(url);
const isShown = (url) => /^https:\/\//i.test(url) || url.startsWith(`${location.origin}/`);

// MARK: Media

// The box has its shape before the picture is there, so that nothing moves when it comes.
function makePicture(media) {
  const image = make('img', { src: media.url, alt: media.name, loading: 'lazy', decoding: 'async', referrerpolicy: 'no-referrer' });
  const box = link(media.url, image);
  box.classList.add('picture');
  const ratio = media.width && media.height ? media.width / media.height : 4 / 3;
  box.style.aspectRatio = String(Math.min(2.2, Math.max(0.7, ratio)));
  image.onerror = () => {
    box.classList.add('missing');
    box.replaceChildren(icon('image'), make('span', {}, media.name));
  };
  return box;
}

function makeMedia(media) {
  if (!isShown(media.url)) return makeFile(media);
  if (media.kind === 'video') {
    const video = make('video', { src: media.url, controls: '', preload: 'none', 'aria-label': media.name });
    video.style.aspectRatio = media.width && media.height ? `${media.width} / ${media.height}` : '16 / 9';
    return make('div', { class: 'player' }, video, makeCaption(media));
  }
  if (media.kind === 'audio') {
    return make('div', { class: 'player' }, make('audio', { src: media.url, controls: '', preload: 'none', 'aria-label': media.name }), makeCaption(media));
  }
  return makeFile(media);
}

function makeCaption(media) {
  return make('p', { class: 'file-name' }, isFollowed(media.url) ? link(media.url, media.name) : media.name);
}

function makeFile(media) {
  const kind = ['image', 'video', 'audio'].includes(media.kind) ? media.kind : 'document';
  const facts = [sizeOf(media.size), media.content_type.split(';')[0]].join(' · ');
  const parts = [
    make('span', { class: 'card-icon' }, icon(kind)),
    make('span', { class: 'card-text' }, make('span', { class: 'card-title' }, media.name), make('span', { class: 'card-facts' }, facts)),
  ];
  const card = isFollowed(media.url) ? link(media.url, ...parts) : make('div', {}, ...parts);
  card.classList.add('card');
  return card;
}

// MARK: Places and people

function makeLocation(content) {
  const [, latitude, longitude, rest] = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,;]\s*(-?\d{1,3}(?:\.\d+)?)\s*([\s\S]*)$/.exec(content) ?? [];
  const isPlace = latitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  const map = make('span', { class: 'map' }, icon('location'));
  if (!isPlace) return make('div', { class: 'place' }, map, make('span', { class: 'card-title', dir: 'auto' }, content));
  const place = link(`https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=15/${latitude}/${longitude}`,
    map, make('span', { class: 'card-title', dir: 'auto' }, rest || 'Location'), make('span', { class: 'card-facts' }, `${latitude}, ${longitude}`));
  place.classList.add('place');
  return place;
}

// The first line is the name, the others are numbers and addresses.
function makeContact(content) {
  const [name, ...lines] = content.split('\n').map((line) => line.trim()).filter(Boolean);
  const avatar = make('span', { class: 'avatar', 'aria-hidden': 'true' });
  drawAvatar(avatar, name ?? '', name ?? '');
  return make('div', { class: 'card' }, avatar, make('span', { class: 'card-text' },
    make('span', { class: 'card-title', dir: 'auto' }, name ?? ''),
    ...lines.map((line) => make('span', { class: 'card-facts', dir: 'auto' }, line))));
}
