'use strict';
// Geometries and columns out of the blocks.
(() => {
  const STEPS = 100000;
  const POINT = 0, LINE = 1, RING = 2;

  const geometry = (packed, read, rows) => {
    const dx = read(packed.x), dy = read(packed.y), counts = read(packed.c);
    const kind = read(packed.k), row = read(packed.f);
    const lon = new Float64Array(dx.length), lat = new Float64Array(dy.length);
    for (let i = 0, x = 0, y = 0; i < dx.length; i++) {
      x += dx[i]; y += dy[i];
      lon[i] = x / STEPS; lat[i] = y / STEPS;
    }
    const start = new Uint32Array(counts.length + 1);
    for (let i = 0; i < counts.length; i++) start[i + 1] = start[i] + counts[i];
    const first = new Int32Array(rows + 1).fill(-1);
    for (let i = row.length - 1; i >= 0; i--) first[row[i]] = i;
    return { lon, lat, kind, row, start, first, rows };
  };

  const partsOf = (g, row) => {
    const found = [];
    if (g.first[row] < 0) return found;
    for (let part = g.first[row]; part < g.row.length && g.row[part] === row; part++) found.push(part);
    return found;
  };

  const vertices = (g, part) => {
    const found = [];
    for (let i = g.start[part]; i < g.start[part + 1]; i++) found.push([g.lat[i], g.lon[i]]);
    return found;
  };

  // Rings as Leaflet takes them: one list a polygon, its outer ring first, then its holes.
  const polygons = (g, row) => {
    const found = [];
    for (const part of partsOf(g, row)) {
      if (g.kind[part] === RING) found.push([vertices(g, part)]);
      else if (g.kind[part] > RING && found.length) found[found.length - 1].push(vertices(g, part));
    }
    return found;
  };

  const lines = (g, row) => partsOf(g, row).filter((p) => g.kind[p] === LINE).map((p) => vertices(g, p));

  const bounds = (g, row) => {
    let box = null;
    for (const part of partsOf(g, row)) {
      for (let i = g.start[part]; i < g.start[part + 1]; i++) {
        box = box || L.latLngBounds([g.lat[i], g.lon[i]], [g.lat[i], g.lon[i]]);
        box.extend([g.lat[i], g.lon[i]]);
      }
    }
    return box;
  };

  const isPoint = (g, row) => g.first[row] >= 0 && g.kind[g.first[row]] === POINT;

  const column = (packed, read) => {
    if (packed.k === 'text') {
      const codes = read(packed.a);
      return { name: packed.name, kind: 'text', levels: packed.l, codes, at: (i) => packed.l[codes[i]] ?? null };
    }
    const values = read(packed.a);
    if (packed.k === 'day') {
      return { name: packed.name, kind: 'day', at: (i) => (values[i] === geocn.NO_DAY ? null : values[i]) };
    }
    return { name: packed.name, kind: 'number', at: (i) => (Number.isNaN(values[i]) ? null : values[i]) };
  };

  geocn.geo = { geometry, partsOf, polygons, lines, bounds, isPoint, column };
})();
