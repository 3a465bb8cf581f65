'use strict';
// Geometries and columns out of the blocks.
(() => {
  const POINT = 0, LINE = 1, RING = 2;

  const geometry = (packed, read, rows) => {
    const x = read(packed.x), y = read(packed.y), counts = read(packed.c);
    const kind = read(packed.k), row = read(packed.f);
    const lon = Float64Array.from(x, (step) => step / packed.s), lat = Float64Array.from(y, (step) => step / packed.s);
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

  // A column; its values are unpacked when first asked for.
  const column = (packed, read) => {
    const { name, l: levels, pre, groups = [] } = packed;
    if (packed.k === 'text') {
      return { name, kind: 'text', levels, get codes() { return read(packed.a); }, at(i) { return levels[this.codes[i]] ?? null; } };
    }
    const at = (i) => {
      const value = read(packed.a)[i];
      return Number.isNaN(value) || (packed.k === 'day' && value === geocn.NO_DAY) ? null : value;
    };
    if (packed.k !== 'count') return { name, kind: packed.k, at };
    // Numbered texts; as levels and codes only where a style asks for them.
    const width = groups.reduce((sum, [digits]) => sum + digits, 0);
    const text = (value) => {
      if (value === null) return null;
      const digits = String(value).padStart(width, '0');
      let told = pre, at = 0;
      for (const [count, padded, after] of groups) {
        const part = digits.slice(at, at += count);
        told += (padded ? part : Number(part)) + after;
      }
      return told;
    };
    const told = { name, kind: 'text', at: (i) => text(at(i)) };
    Object.defineProperty(told, 'levels', { get: () => [...new Set(read(packed.a))].filter((v) => !Number.isNaN(v)).map(text) });
    Object.defineProperty(told, 'codes', { get: () => {
      const place = new Map(told.levels.map((level, k) => [level, k]));
      return Int32Array.from(read(packed.a), (_, i) => place.get(told.at(i)) ?? -1);
    } });
    return told;
  };

  geocn.geo = { geometry, partsOf, polygons, lines, bounds, isPoint, column };
})();
