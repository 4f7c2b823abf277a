// The page's icons: lines on a field of 24 by 24.

const PATHS = {
  alert: 'M12 7v6M12 16.500v.5M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z',
  audio: 'M9 18V5l11-2v13M9 18a3 3 0 1 1-6 0a3 3 0 0 1 6 0zM20 16a3 3 0 1 1-6 0a3 3 0 0 1 6 0z',
  back: 'M15 5l-7 7l7 7',
  bell: 'M6 16V10.500a6 6 0 0 1 12 0V16l1.500 2h-15zM10 20.500h4',
  close: 'M6 6l12 12M18 6L6 18',
  compose: 'M12 20h8M4 20l1-4.500L16 4.500a2.100 2.100 0 0 1 3 3L8.500 18.500z',
  contact: 'M12 12a4 4 0 1 0 0-8a4 4 0 0 0 0 8zM4.500 20.500a7.500 7.500 0 0 1 15 0',
  delivered: 'M1.500 12.500l5 5L17 7M11 16l1.500 1.500L23 7',
  document: 'M6 3h8l5 5v13H6zM14 3v5h5M9 13h7M9 17h5',
  down: 'M6 9l6 6l6-6',
  external: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  group: 'M9 11.500a3.500 3.500 0 1 0 0-7a3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 4.900a3.500 3.500 0 0 1 0 6.200M18 14a6.500 6.500 0 0 1 3.500 6',
  image: 'M4 5h16v14H4zM4 16l4.500-4.500l4 4l2.500-2.500l5 5M15.500 9.500v.2',
  info: 'M12 11v6M12 7.500v.2M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z',
  leave: 'M14 4H5v16h9M10 12h11M17 8l4 4l-4 4',
  location: 'M12 21.500c4.500-4.700 7-8.300 7-11.500a7 7 0 0 0-14 0c0 3.200 2.500 6.800 7 11.500zM12 12.500a2.500 2.500 0 1 0 0-5a2.500 2.500 0 0 0 0 5z',
  mark: 'M4 6.500A2.500 2.500 0 0 1 6.500 4h11A2.500 2.500 0 0 1 20 6.500v7a2.500 2.500 0 0 1-2.500 2.500H11l-5 4v-4.100A2.500 2.500 0 0 1 4 13.500z',
  muted: 'M6 16V10.500a6 6 0 0 1 9-5.200M18 10.500V16l1.500 2h-13M10 20.500h4M4 4l16 17',
  pending: 'M12 7.500V12l3 2M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16z',
  plus: 'M12 5v14M5 12h14',
  send: 'M4.500 12L3.500 4.500L21 12L3.500 19.500zM4.500 12H12',
  sent: 'M5 12.500l5 5L20 7',
  video: 'M3 6h12v12H3zM15 10.500l6-3.500v10l-6-3.500z',
};

const SVG = 'http://www.w3.org/2000/svg';

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', 'aria-hidden': 'true', class: `svg ${name}` })) {
    svg.setAttribute(key, value);
  }
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

// The page's own elements name theirs in an attribute.
export function drawIcons() {
  for (const node of document.querySelectorAll('[data-icon]')) node.prepend(icon(node.dataset.icon));
}
