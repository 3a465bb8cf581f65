'use strict';
// What a row says, as sentences with numbers and their uncertainty.
(() => {
  const { T, isolate } = geocn;

  const codes = (text) => (text === null ? null : text.split(';').map((one) => geocn.code(one)).join(', '));

  // Fields a sentence may use that no column holds as it is.
  const derived = {
    amount: (layer, row) => {
      const kg = layer.value('weight_kg', row);
      if (kg !== null) return geocn.unit(kg, 'kg');
      const quantity = layer.value('quantity', row), unit = layer.value('unit', row);
      return quantity === null || unit === null ? null : `${geocn.number(quantity)} ${geocn.code(unit)}`;
    },
    drug_name: (layer, row) => {
      const drug = layer.value('drug', row);
      return drug === null ? layer.value('drug_reported', row) : geocn.code(drug);
    },
    date: (layer, row) => {
      const days = layer.value('seized_at', row);
      return days === null ? null : typeof days === 'number' ? geocn.day(days, layer.value('date_precision', row) ?? 'day') : days;
    },
    where: (layer, row) => {
      const found = [layer.value('place', row), layer.value('admin', row)].filter((text) => text !== null);
      return found.length ? [...new Set(found)].join(', ') : null;
    },
    imprecise: (layer, row) => {
      const metres = layer.imprecise(row);
      return metres === null ? null : geocn.distance(metres);
    },
    as_before: (layer, row) => {
      const after = layer.value('after', row), change = layer.value('change', row);
      return after === null || change === null ? null : geocn.number(Math.max(0, after - change));
    },
    year: (layer, row) => {
      const year = layer.value('year', row);
      return year === null ? null : String(year);
    },
    modes: (layer, row) => codes(layer.value('modes', row)),
    period_value: (layer, row) => {
      if (!layer.matrix) return null;
      const value = layer.periodValue(row);
      return value === null ? null : geocn.number(value);
    },
    period_name: (layer) => {
      const step = layer.period ?? geocn.state.period;
      return step < 0 ? T('period.all') : geocn.span(geocn.periods[step]);
    },
    measure_name: (layer) => (layer.measure ? geocn.field(layer.measure) : null),
    range: (layer, row) => {
      const area = layer.value('area_ha', row), half = layer.value('area_ci_ha', row);
      return area === null || half === null ? null
        : `${isolate(`${geocn.number(Math.max(0, area - half))}–${geocn.number(area + half)}`)}\u00a0${T('unit.ha')}`;
    },
  };

  const formats = {
    num: (v) => geocn.number(v), int: (v) => geocn.number(Math.round(v)), kg: (v) => geocn.unit(v, 'kg'),
    km: (v) => geocn.unit(v, 'km'), km2: (v) => geocn.unit(v, 'km2'), ha: (v) => geocn.unit(v, 'ha'),
    m: (v) => geocn.distance(v), min: (v) => geocn.unit(v, 'min'), p: (v) => geocn.probability(v),
    pct: (v) => geocn.share(v), day: (v) => geocn.day(v), code: (v, name) => geocn.code(v, name),
    times: (v) => `${geocn.number(v)}\u00a0×`, text: (v) => String(v),
  };

  // A weight with what it measures: hectares, crossings, people.
  const MEASURES = { area_ha: 'ha', weight_kg: 'kg', length_km: 'km', ha: 'ha', kg: 'kg', km: 'km' };
  const weighed = (layer, row) => {
    const value = layer.value('weight', row), unit = MEASURES[layer.labels.weight];
    if (value === null) return null;
    return unit ? geocn.unit(value, unit) : `${geocn.number(value)} (${layer.label('weight')})`;
  };

  const fill = (template, layer, row) => {
    let whole = true;
    const text = template.replace(/\{(\w+)(?::(\w+))?\}/g, (_, name, format) => {
      const value = name === 'weight' && layer.labels.weight ? weighed(layer, row) : derived[name] ? derived[name](layer, row) : layer.value(name, row);
      if (value === null || value === undefined) { whole = false; return ''; }
      const usable = formats[format] && (typeof value === 'number' || format === 'code' || format === 'text');
      return isolate(usable ? formats[format](value, name) : typeof value === 'number' ? geocn.number(value) : String(value));
    });
    return whole ? text.replace(/= \u2068< /g, '< \u2068') : null;
  };

  const sentences = (layer, row) => {
    const catalogue = geocn.catalogues[geocn.state.language].sentences[layer.kind] || geocn.catalogues.en.sentences[layer.kind] || [];
    const found = [];
    for (const alternatives of catalogue) {
      const text = alternatives.map((template) => fill(template, layer, row)).find((t) => t !== null);
      if (text) found.push(text);
    }
    return found;
  };

  // Columns that no sentence of the language uses are listed below them.
  const usedBy = (kind) => {
    const used = new Set(['date_precision', 'drug', 'drug_reported', 'quantity', 'unit', 'weight_kg', 'seized_at', 'place', 'admin', 'area_ha', 'area_ci_ha', 'significant', 'covered', 'is_significant']);
    const templates = (geocn.catalogues.en.sentences[kind] || []).flat();
    templates.forEach((template) => [...template.matchAll(/\{(\w+)/g)].forEach((m) => used.add(m[1])));
    return used;
  };

  const cell = (layer, name, row) => {
    const column = layer.byName[name];
    const value = column ? column.at(row) : null;
    if (value === null) return '';
    if (column.kind === 'day') return geocn.day(value, name === 'seized_at' ? layer.value('date_precision', row) ?? 'day' : 'day') ?? '';
    if (name === 'modes' || name === 'drugs') return codes(String(value));
    if (column.kind === 'text') return CODED.has(name) ? geocn.code(value, name) : value;
    if (name === 'year') return String(value);
    if (/(^|_)share(_|$)/.test(name)) return formats.pct(value);
    return /^p_/.test(name) ? geocn.probability(value) : geocn.number(value);
  };
  const CODED = new Set(['drug', 'mode', 'kind', 'partner_type', 'status', 'crop', 'hotspot_class', 'emerging_class', 'change_class', 'unit', 'date_precision']);

  const field = (name) => {
    const text = T(`field.${name}`);
    return text === `field.${name}` ? name.replace(/_/g, ' ') : text;
  };

  const MOST = 12;
  const card = (layer, rows) => {
    const { el } = geocn;
    const box = el('div', { cls: 'card' }, el('h3', { text: layer.title() }));
    if (rows.length > 1) box.append(el('p', { cls: 'pile', text: T(layer.imprecise(rows[0]) === null ? 'pile.exact' : 'pile', { n: rows.length }) }));
    for (const row of rows.slice(0, MOST)) {
      const part = el('div', { cls: 'card-row' });
      for (const text of sentences(layer, row)) part.append(el('p', { text }));
      const used = usedBy(layer.kind);
      const rest = layer.columns.filter((c) => !used.has(c.name) && c.at(row) !== null);
      if (rest.length && rows.length === 1) {
        const list = el('dl');
        for (const column of rest) list.append(el('dt', { text: field(column.name) }), el('dd', { text: isolate(cell(layer, column.name, row)) }));
        part.append(list);
      }
      box.append(part);
    }
    if (rows.length > MOST) box.append(el('p', { cls: 'more', text: T('more', { n: rows.length - MOST }) }));
    return box;
  };

  Object.assign(geocn, { sentences, card, cell, field });
})();
