'use strict';
// Shapes of point symbols, on a canvas and as pictures for the legend.
(() => {
  const corners = (n, radius, turn, inner) => {
    const found = [];
    const steps = inner ? n * 2 : n;
    for (let i = 0; i < steps; i++) {
      const r = inner && i % 2 ? radius * inner : radius;
      const angle = turn + (i * 2 * Math.PI) / steps;
      found.push([r * Math.cos(angle), r * Math.sin(angle)]);
    }
    return found;
  };
  const UP = -Math.PI / 2;
  const outline = {
    square: (r) => corners(4, r * 1.2, Math.PI / 4),
    diamond: (r) => corners(4, r * 1.25, UP),
    triangle: (r) => corners(3, r * 1.3, UP),
    pentagon: (r) => corners(5, r * 1.15, UP),
    down: (r) => corners(3, r * 1.3, -UP),
    minus: (r) => [[-r * 1.2, -r * 0.42], [r * 1.2, -r * 0.42], [r * 1.2, r * 0.42], [-r * 1.2, r * 0.42]],
    star: (r) => corners(5, r * 1.4, UP, 0.5),
    cross: (r) => {
      const a = r * 0.42, b = r * 1.2;
      return [[-a, -b], [a, -b], [a, -a], [b, -a], [b, a], [a, a], [a, b], [-a, b], [-a, a], [-b, a], [-b, -a], [-a, -a]];
    },
  };

  const trace = (context, shape, x, y, radius) => {
    context.beginPath();
    if (!outline[shape]) { context.arc(x, y, radius, 0, 7); return; }
    outline[shape](radius).forEach(([dx, dy], i) => (i ? context.lineTo(x + dx, y + dy) : context.moveTo(x + dx, y + dy)));
    context.closePath();
  };

  const paint = (context, x, y, { shape = 'circle', color, radius, hollow = false, faded = false }) => {
    trace(context, shape, x, y, radius);
    context.globalAlpha = faded ? 0.3 : 1;
    if (!hollow) {
      context.fillStyle = color;
      context.globalAlpha *= 0.88;
      context.fill();
      context.globalAlpha = faded ? 0.3 : 1;
    }
    if (hollow) {
      context.lineWidth = 3.4;
      context.strokeStyle = 'rgba(20,20,20,.85)';
      context.stroke();
    }
    context.lineWidth = hollow ? 2 : 0.9;
    context.strokeStyle = hollow ? color : 'rgba(20,20,20,.85)';
    context.stroke();
    context.globalAlpha = 1;
  };

  // A site stands on a white disc, so that it is never taken for an event.
  const badge = (context, x, y, symbol) => {
    context.beginPath();
    context.arc(x, y, symbol.radius, 0, 7);
    context.fillStyle = '#fff';
    context.fill();
    context.lineWidth = 1.6;
    context.strokeStyle = '#222';
    context.stroke();
    paint(context, x, y, { ...symbol, radius: symbol.radius / 2 });
  };

  const drawn = (shape, radius, at, look) => (outline[shape]
    ? geocn.svg('polygon', { points: outline[shape](radius).map(([x, y]) => `${(x + at[0]).toFixed(2)},${(y + at[1]).toFixed(2)}`).join(' '), ...look })
    : geocn.svg('circle', { cx: at[0], cy: at[1], r: radius, ...look }));

  const picture = (symbol) => {
    const half = 10;
    const svg = geocn.svg('svg', { viewBox: `${-half} ${-half} 20 20`, width: 18, height: 18, class: 'key', 'aria-hidden': 'true' });
    const look = symbol.hollow ? { fill: 'none', stroke: symbol.color, 'stroke-width': 2 }
      : { fill: symbol.color, stroke: '#222', 'stroke-width': 0.9 };
    if (symbol.badge) svg.append(geocn.svg('circle', { cx: 0, cy: 0, r: 9, fill: '#fff', stroke: '#222', 'stroke-width': 1.4 }));
    svg.append(drawn(symbol.shape, symbol.radius ?? (symbol.badge ? 4.6 : 6), [0, 0], look));
    return svg;
  };

  const SIGN = { fill: '#fff', stroke: '#222', 'stroke-width': 0.9 };
  const signed = (svg, sign, at) => {
    if (sign) svg.append(drawn(sign, 4, at, SIGN));
    return svg;
  };

  const line = ({ color, width = 3, dash = '', sign }) => signed(geocn.svg('svg', { viewBox: '0 0 30 14', width: 30, height: 14, class: 'key', 'aria-hidden': 'true' },
    geocn.svg('line', { x1: 1, y1: 7, x2: 29, y2: 7, stroke: color, 'stroke-width': width, 'stroke-dasharray': dash })), sign, [15, 7]);

  const area = ({ color, strong, faint, dash, edge, sign }) => signed(geocn.svg('svg', { viewBox: '0 0 22 16', width: 22, height: 16, class: 'key', 'aria-hidden': 'true' },
    geocn.svg('rect', { x: 2, y: 2, width: 18, height: 12, fill: color, 'fill-opacity': faint ? 0.35 : 0.8, stroke: edge ?? (dash !== undefined ? color : strong ? '#222' : '#777'), 'stroke-width': edge ? (strong ? 2 : 1.2) : strong || dash !== undefined ? 2 : 0.8, 'stroke-dasharray': dash ?? '' })), sign, [11, 8]);

  // The sign of a class amid an area or a line, where there is room for it.
  const sign = (context, x, y, shape, radius, faded) => {
    context.setLineDash([]);
    paint(context, x, y, { shape, color: '#fff', radius, faded });
  };

  geocn.symbol = { paint, badge, picture, line, area, sign };
})();
