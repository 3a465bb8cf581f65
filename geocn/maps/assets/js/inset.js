'use strict';
// The inset: the whole world in a corner, with a frame where the view lies.
(() => {
  const { el, T } = geocn;
  const WIDTH = 148, HEIGHT = 74, LEAST = 6;
  let frame = null;

  const outline = (canvas) => {
    const { header, read } = geocn.blocks.world, sharp = 2;
    const g = geocn.geo.geometry(header.land, read, 1), context = canvas.getContext('2d');
    canvas.width = WIDTH * sharp;
    canvas.height = HEIGHT * sharp;
    context.scale((WIDTH * sharp) / 360, (HEIGHT * sharp) / 180);
    context.beginPath();
    for (let part = 0; part < g.kind.length; part++) {
      for (let i = g.start[part]; i < g.start[part + 1]; i++) context[i === g.start[part] ? 'moveTo' : 'lineTo'](g.lon[i] + 180, 90 - g.lat[i]);
    }
    context.fillStyle = '#c3bcae';
    context.fill('evenodd');
  };

  const control = () => {
    const canvas = el('canvas');
    outline(canvas);
    frame = el('div', { cls: 'inset-frame' });
    const box = el('div', { id: 'inset', attrs: { role: 'img', 'aria-label': T('inset'), title: T('inset') } }, canvas, frame);
    L.DomEvent.disableClickPropagation(box);
    box.addEventListener('click', (event) => {
      const area = canvas.getBoundingClientRect();
      geocn.map.panTo([90 - ((event.clientY - area.top) / area.height) * 180, ((event.clientX - area.left) / area.width) * 360 - 180], { animate: false });
    });
    return box;
  };

  // A frame too small to be seen keeps its middle and the least size.
  const show = () => {
    const view = geocn.map.getBounds(), clamp = (value, most) => Math.max(-most, Math.min(most, value));
    const side = (low, high, most, length) => {
      const from = ((clamp(low, most) + most) / (2 * most)) * length, to = ((clamp(high, most) + most) / (2 * most)) * length;
      const size = Math.max(LEAST, to - from);
      return [Math.max(0, Math.min(length - size, (from + to - size) / 2)), size];
    };
    const [left, width] = side(view.getWest(), view.getEast(), 180, WIDTH), [top, height] = side(-view.getNorth(), -view.getSouth(), 90, HEIGHT);
    Object.assign(frame.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  };

  const start = () => geocn.map.on('move zoomend resize', () => frame && show());

  geocn.parts.inset = { start, control, show };
})();
