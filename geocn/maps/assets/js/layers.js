'use strict';
// The layers of the map: their columns, classes, and which rows a period shows.
(() => {
  const IMPRECISE_M = 5000, MANY_CELLS = 200;
  const CELL_OPACITY = [0.25, 0.36, 0.48, 0.6, 0.72];

  const classOf = (style, value) => {
    if (value === null || value === undefined) return -1;
    const { breaks } = style;
    for (let k = 1; k < breaks.length - 1; k++) if (value < breaks[k]) return k - 1;
    return Math.max(0, breaks.length - 2);
  };

  const stepOf = (style, value) => {
    if (value === null) return -1;
    let found = -1;
    style.steps.forEach((step, k) => { if (value >= step - 1e-9) found = k; });
    return style.open_end ? found : style.steps.findIndex((step) => Math.abs(step - value) < 1e-9);
  };

  class Layer {
    constructor(packed, read) {
      Object.assign(this, packed);
      this.columns = packed.columns.map((c) => geocn.geo.column(c, read));
      this.byName = Object.fromEntries(this.columns.map((c) => [c.name, c]));
      this.geometry = geocn.geo.geometry(packed.geometry, read, this.n);
      this.hasPoints = this.geometry.kind.some((k) => k === 0);
      this.hasShapes = this.geometry.kind.some((k) => k > 0);
      this.hasLines = this.geometry.kind.some((k) => k === 1);
      this.shown = new Uint8Array(this.n).fill(1);
      this.vague = 0;
      this.opacity = Number(geocn.recall(`opacity ${this.order}`) ?? 1);
      if (packed.time) {
        this.time = { rule: packed.time.rule, first: read(packed.time.first), last: read(packed.time.last) };
      }
      if (packed.matrix) this.matrix = read(packed.matrix);
      if (this.style.by === 'category') this.codes = this.#categoryCodes();
    }

    #categoryCodes() {
      const column = this.byName[this.style.column];
      const map = column.levels.map((level) => this.style.levels.indexOf(level));
      return Int16Array.from(column.codes, (code) => map[code] ?? -1);
    }

    title() {
      const name = this.name ?? geocn.T(`layer.${this.kind}`);
      return this.about ? `${name}: ${this.about}` : name;
    }

    // What a column is called here: the weight of a demand is hectares, people or crossings.
    label(name) { return geocn.field((this.labels || {})[name] ?? name); }

    value(name, row) { return this.byName[name] ? this.byName[name].at(row) : null; }

    imprecise(row) {
      const metres = this.value('location_precision_m', row);
      return this.kind === 'seizures' && metres !== null && metres >= IMPRECISE_M ? metres : null;
    }

    // The value of a layer of periods: that of the chosen step, or the sum of all.
    periodValue(row, step = this.step ?? -1) {
      const n = this.steps.length;
      if (step >= 0) {
        const value = this.matrix[row * n + step];
        return Number.isNaN(value) ? null : value;
      }
      let sum = null;
      for (let k = 0; k < n; k++) {
        const value = this.matrix[row * n + k];
        if (!Number.isNaN(value)) sum = (sum ?? 0) + value;
      }
      return sum;
    }

    // The class of a row: a number into the style's colours, -1 for unknown or other.
    classOf(row) {
      const { style } = this;
      if (style.by === 'category') return this.codes[row];
      if (style.by === 'class') {
        if (!this.matrix) return classOf(style, this.value(style.column, row));
        const step = this.step ?? -1;
        const value = this.periodValue(row);
        return classOf(style, step < 0 && value !== null ? value / this.steps.length : value);
      }
      return style.by === 'step' ? stepOf(style, this.value(style.column, row)) : 0;
    }

    colorOf(k) {
      if (this.style.by === 'single') return this.style.color;
      return k < 0 ? this.style.other ?? '#b8b5ae' : this.style.colors[k];
    }

    signOf(k) { return (this.style.signs ?? [])[k] ?? null; }

    // Sites of partners and proposed ones stand on a white disc.
    get badged() { return ['interventions', 'siting', 'annotations'].includes(this.kind); }

    symbolOf(row) {
      const k = this.classOf(row);
      return { color: this.colorOf(k), shape: (this.style.shapes ?? this.style.signs ?? [])[k] ?? this.style.shape ?? 'circle', radius: this.radiusOf(row) };
    }

    radiusOf(row) {
      if (!this.size) return this.badged ? 10 : this.n > 20000 ? 2.5 : 4.5;
      const value = this.value(this.size.column, row);
      return value === null || value <= 0 ? this.size.radii[0] : this.size.radii[classOf(this.size, value)];
    }

    // What is significant is drawn over what is not.
    isStrong(row) { return Boolean(this.style.strong && this.style.strong[this.classOf(row)]); }

    // null where the analysis says nothing of significance
    significant(row) {
      const flag = this.value('significant', row), word = this.value('hotspot_class', row);
      if (flag !== null) return flag === 'True' || flag === 1;
      return word === null ? null : /^(hot|cold)/.test(word);
    }

    // How a line or an area is drawn, as faint as its layer.
    pathOf(row) {
      const look = this.lookOf(row), { opacity } = this;
      return opacity === 1 ? look : { ...look, opacity: (look.opacity ?? 1) * opacity, fillOpacity: (look.fillOpacity ?? 0) * opacity };
    }

    lookOf(row) {
      const k = this.classOf(row), color = this.colorOf(k), { style } = this;
      if (this.kind === 'annotations') return { color, weight: 3, opacity: 1, dashArray: '6 4', fill: this.geometry.kind[this.geometry.first[row]] === 2, fillColor: color, fillOpacity: 0.1 };
      const line = this.hasLines && !this.geometry.kind.includes(2);
      if (line) {
        const doubtful = this.kind === 'border_hotspots' && style.by === 'class' && this.significant(row) === false;
        const dash = doubtful ? '3 4' : style.dashes ? style.dashes[k] || null : null;
        return { color, weight: style.widths ? style.widths[k] ?? 1.5 : 2.6, opacity: doubtful ? 0.75 : 0.95, dashArray: dash, fill: false, sign: this.signOf(k), lineCap: style.strong && style.strong[k] ? 'round' : 'butt' };
      }
      const strong = style.strong && style.strong[k];
      const dashed = style.signs && style.dashes[k];
      if (dashed) return { stroke: true, color: '#333', weight: 1.1, opacity: 0.75, dashArray: dashed, fillColor: color, fillOpacity: 0.1, fill: true };
      if (style.strong && !strong) return { stroke: true, color: '#777', weight: 0.3, opacity: 0.5, dashArray: null, fillColor: color, fillOpacity: 0.14, fill: true };
      // Many small cells: their edges would hide what they say, and the least of them should not.
      if (this.kind === 'corridors' && this.n > MANY_CELLS && style.by === 'class') {
        return { stroke: false, fillColor: color, fillOpacity: k < 0 ? 0.15 : CELL_OPACITY[Math.round((k * 4) / Math.max(1, style.colors.length - 1))], fill: true };
      }
      const thin = { reach: 0.05, corridors: 0.5, coverage: 0.4, hotspots: 0.68 }[this.kind] ?? 0.62;
      // The palest of a few areas is seen by its edge.
      const edged = strong || (this.n <= MANY_CELLS && ['corridors', 'cultivation'].includes(this.kind));
      const edge = this.kind === 'reach' || this.kind === 'gaps' ? color : edged ? 'rgba(30,20,20,.6)' : 'rgba(60,60,60,.35)';
      return { color: edge, weight: this.kind === 'reach' || this.kind === 'gaps' ? 1.6 : edged ? 0.9 : 0.5, opacity: 1, dashArray: this.kind === 'gaps' ? '4 3' : (style.dashes ?? [])[k] || null, fillColor: color, fillOpacity: k < 0 ? 0.3 : thin, fill: true, sign: this.signOf(k) };
    }

    // Decides which rows a period shows; null means all periods.
    setPeriod(step) {
      this.vague = 0;
      if (this.matrix) {
        this.step = step ? this.steps.findIndex((s) => s[0] === step[0] && s[1] === step[1]) : -1;
        for (let i = 0; i < this.n; i++) this.shown[i] = !step || (this.step >= 0 && this.periodValue(i) !== null) ? 1 : 0;
        return;
      }
      if (!this.time) return;
      const { first, last, rule } = this.time, none = geocn.NO_DAY;
      for (let i = 0; i < this.n; i++) {
        const a = first[i], b = last[i];
        if (!step) { this.shown[i] = 1; continue; }
        const from = a === none ? -Infinity : a, to = b === none ? Infinity : b;
        const touches = from <= step[1] && to >= step[0];
        const whole = a !== none && a >= step[0] && b <= step[1];
        this.shown[i] = (rule === 'within' ? whole : touches) ? 1 : 0;
        if (rule === 'within' && !whole && (touches || a === none)) this.vague++;
      }
    }

    // Point rows outside the first view, counted once.
    nOutside(box) {
      if (this.outside === undefined) {
        const g = this.geometry;
        this.outside = 0;
        for (let part = 0; part < g.kind.length; part++) {
          const lat = g.lat[g.start[part]], lon = g.lon[g.start[part]];
          if (g.kind[part] === 0 && (lat < box.getSouth() || lat > box.getNorth() || lon < box.getWest() || lon > box.getEast())) this.outside++;
        }
      }
      return this.outside;
    }

    nShown() { return this.shown.reduce((sum, one) => sum + one, 0); }

    nDrawn() {
      let n = 0;
      for (let i = 0; i < this.n; i++) if (this.shown[i] && this.geometry.first[i] >= 0) n++;
      return n;
    }
  }

  const start = () => {
    const { header, read } = geocn.blocks.data;
    geocn.layers = header.layers.map((packed) => new Layer(packed, read));
    geocn.layers.sort((a, b) => a.order - b.order);
    geocn.periods = header.periods;
  };

  const setPeriod = (index) => {
    geocn.state.period = index;
    const step = index < 0 ? null : geocn.periods[index];
    geocn.layers.forEach((layer) => layer.setPeriod(step));
    geocn.emit('period');
  };

  const setVisible = (layer, visible) => {
    layer.visible = visible;
    geocn.emit('visible', layer);
  };

  const setOpacity = (layer, opacity) => {
    layer.opacity = opacity;
    geocn.remember(`opacity ${layer.order}`, opacity);
    (layer.paths ?? []).forEach((path, row) => path && path.setStyle(layer.pathOf(row)));
    geocn.emit('opacity', layer);
  };

  geocn.parts.layers = { start };
  Object.assign(geocn, { setPeriod, setVisible, setOpacity });
})();
