'use strict';
// Measuring on the ellipsoid WGS 84: lengths along geodesics, areas on the authalic sphere.
(() => {
  const { el, T } = geocn;
  const A = 6378137, F = 1 / 298.257223563, B = A * (1 - F), E2 = F * (2 - F), E = Math.sqrt(E2);
  const MEAN_RADIUS = 6371008.8, AUTHALIC_RADIUS = 6371007.181, DEGREE = Math.PI / 180;
  const STYLE = { color: '#14213d', weight: 3, fillColor: '#14213d', fillOpacity: 0.1, pane: 'notes', interactive: false };

  const greatCircle = (a, b) => {
    const h = Math.sin(((b.lat - a.lat) * DEGREE) / 2) ** 2 + Math.cos(a.lat * DEGREE) * Math.cos(b.lat * DEGREE) * Math.sin(((b.lng - a.lng) * DEGREE) / 2) ** 2;
    return 2 * MEAN_RADIUS * Math.asin(Math.min(1, Math.sqrt(h)));
  };

  const across = (a, b) => ((((b.lng - a.lng + 180) % 360) + 360) % 360 - 180) * DEGREE;

  // Vincenty's inverse (1975, doi:10.1179/sre.1975.23.176.88). Near antipodes it does not
  // converge, and the great circle stands in: off by 0.5 % at most.
  const distance = (a, b) => {
    const turn = across(a, b), u = Math.atan((1 - F) * Math.tan(a.lat * DEGREE)), v = Math.atan((1 - F) * Math.tan(b.lat * DEGREE));
    const [su, cu, sv, cv] = [Math.sin(u), Math.cos(u), Math.sin(v), Math.cos(v)];
    let lambda = turn;
    for (let k = 0; k < 100; k++) {
      const sl = Math.sin(lambda), cl = Math.cos(lambda);
      const sine = Math.hypot(cv * sl, cu * sv - su * cv * cl), cosine = su * sv + cu * cv * cl, sigma = Math.atan2(sine, cosine);
      if (sine < 1e-15) return cosine > 0 ? 0 : greatCircle(a, b);
      const azimuth = (cu * cv * sl) / sine, square = 1 - azimuth ** 2, middle = square ? cosine - (2 * su * sv) / square : 0;
      const c = (F / 16) * square * (4 + F * (4 - 3 * square)), before = lambda;
      lambda = turn + (1 - c) * F * azimuth * (sigma + c * sine * (middle + c * cosine * (2 * middle ** 2 - 1)));
      if (Math.abs(lambda) > 4) break;
      if (Math.abs(lambda - before) < 1e-12) {
        const k2 = (square * (A ** 2 - B ** 2)) / B ** 2, big = 1 + (k2 / 16384) * (4096 + k2 * (k2 * (320 - 175 * k2) - 768)), small = (k2 / 1024) * (256 + k2 * (k2 * (74 - 47 * k2) - 128));
        return B * big * (sigma - small * sine * (middle + (small / 4) * (cosine * (2 * middle ** 2 - 1) - (small / 6) * middle * (4 * sine ** 2 - 3) * (4 * middle ** 2 - 3))));
      }
    }
    return greatCircle(a, b);
  };

  const length = (points) => points.slice(1).reduce((sum, point, k) => sum + distance(points[k], point), 0);

  const authalic = (lat) => {
    const q = (s) => (1 - E2) * (s / (1 - E2 * s * s) + Math.atanh(E * s) / E);
    return Math.asin(Math.max(-1, Math.min(1, q(Math.sin(lat * DEGREE)) / q(1))));
  };

  // Spherical excess, edge by edge; a ring around a pole turns once about the axis.
  const area = (points) => {
    let excess = 0, turns = 0;
    points.forEach((a, k) => {
      const b = points[(k + 1) % points.length], turn = across(a, b);
      const s = Math.tan(authalic(a.lat) / 2), t = Math.tan(authalic(b.lat) / 2);
      excess += 2 * Math.atan2(Math.tan(turn / 2) * (s + t), 1 + s * t);
      turns += turn;
    });
    const around = Math.abs(turns) > Math.PI, found = around ? 2 * Math.PI - Math.abs(excess) : Math.abs(excess);
    return Math.min(found, 4 * Math.PI - found) * AUTHALIC_RADIUS ** 2;
  };

  // Points along the great circle, so that what is drawn is what is measured.
  const along = (points) => points.flatMap((a, k) => {
    const b = points[k + 1], n = b ? Math.ceil(greatCircle(a, b) / 150000) : 0;
    if (n < 2) return [a];
    const unit = ({ lat, lng }) => [Math.cos(lat * DEGREE) * Math.cos(lng * DEGREE), Math.cos(lat * DEGREE) * Math.sin(lng * DEGREE), Math.sin(lat * DEGREE)];
    const p = unit(a), q = unit(b), whole = greatCircle(a, b) / MEAN_RADIUS;
    return Array.from({ length: n }, (_, i) => {
      const [s, t] = [Math.sin((1 - i / n) * whole), Math.sin((i / n) * whole)], [x, y, z] = p.map((value, j) => s * value + t * q[j]);
      const lng = Math.atan2(y, x) / DEGREE;
      return L.latLng(Math.atan2(z, Math.hypot(x, y)) / DEGREE, lng + 360 * Math.round((a.lng - lng) / 360));
    });
  });

  let open = null;

  const areaText = (value) => (value >= 1e6 ? geocn.unit(value / 1e6, 'km2') : geocn.unit(value / 1e4, 'ha'));
  const told = () => {
    const { points, kind } = open, ring = [...points, points[0]];
    if (points.length < 2) return '';
    if (kind === 'distance') return geocn.distance(length(points));
    return points.length < 3 ? '' : T('measure.ring', { area: areaText(area(points)), length: geocn.distance(length(ring)) });
  };

  const draw = () => {
    const { points, kind, sketch } = open, closed = kind === 'area' && points.length > 2;
    sketch.clearLayers();
    if (points.length > 1) {
      const path = along(closed ? [...points, points[0]] : points);
      sketch.addLayer(closed ? L.polygon(path, STYLE) : L.polyline(path, { ...STYLE, fill: false }));
    }
    points.forEach((point) => sketch.addLayer(L.circleMarker(point, { ...STYLE, radius: 4, weight: 2, fillColor: '#fff', fillOpacity: 1 })));
    geocn.$('measure-result').textContent = told();
    ['undo', 'clear'].forEach((name) => { geocn.$(`measure-${name}`).disabled = !points.length; });
  };

  const add = (at) => { open.points.push(at); draw(); };
  const undo = () => { open.points.pop(); draw(); };
  const clear = () => { open.points = []; draw(); };

  const show = () => {
    const old = geocn.$('measure-bar'), container = geocn.map.getContainer();
    if (old) old.remove();
    geocn.$('measure').setAttribute('aria-pressed', String(Boolean(open)));
    container.classList.toggle('measuring', Boolean(open));
    if (!open) return;
    const button = (name, text, run) => el('button', { id: `measure-${name}`, text, attrs: { type: 'button' }, on: { click: run } });
    const kinds = ['distance', 'area'].map((kind) => {
      const one = button(kind, T(`measure.${kind}`), () => { open.kind = kind; show(); geocn.$(`measure-${kind}`).focus(); });
      one.setAttribute('aria-pressed', String(open.kind === kind));
      return one;
    });
    const bar = el('section', { id: 'measure-bar', attrs: { 'aria-label': T('measure') } },
      el('div', { cls: 'row' }, ...kinds, button('undo', T('notes.undo'), undo), button('clear', T('measure.clear'), clear), button('close', T('close'), toggle)),
      el('output', { id: 'measure-result', attrs: { 'aria-live': 'polite' } }), el('p', { cls: 'hint', text: T('measure.hint') }));
    L.DomEvent.disableClickPropagation(bar);
    geocn.$('stage').append(bar);
    draw();
  };

  const toggle = () => {
    const { map } = geocn;
    if (open) {
      open.sketch.remove();
      open = null;
      if (geocn.state.drawing === 'measure') geocn.state.drawing = null;
      map.doubleClickZoom.enable();
    } else {
      // A drawing of the notes that is under way ends as with the key.
      document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
      open = { kind: 'distance', points: [], sketch: L.layerGroup().addTo(map) };
      geocn.state.drawing = 'measure';
      map.closePopup();
      map.doubleClickZoom.disable();
      geocn.emit('look');
    }
    show();
    if (open) map.getContainer().focus(); else geocn.$('measure').focus();
  };

  const start = () => {
    const { map } = geocn, active = () => open && geocn.state.drawing === 'measure';
    map.on('click', (event) => { if (active()) add(event.latlng); });
    map.getContainer().addEventListener('keydown', (event) => {
      if (!active() || event.target !== map.getContainer()) return;
      const run = { Enter: () => add(map.getCenter()), ' ': () => add(map.getCenter()), Backspace: undo, Escape: toggle }[event.key];
      if (run) { event.preventDefault(); run(); }
    });
    // Whoever begins to draw a note is done with measuring.
    geocn.on('look', () => { if (open && geocn.state.drawing !== 'measure') toggle(); });
  };

  geocn.parts.measure = { start, show, toggle, distance, length, area };
})();
