'use strict';
// The tabs of the page, and the order in which it all starts.
(() => {
  const { el, T } = geocn;
  const { titleBlock, language, fold, list } = geocn.parts.frame;

  const periodName = () => (geocn.state.period < 0 ? T('period.all') : geocn.span(geocn.periods[geocn.state.period]));

  const about = (parent) => {
    const { config } = geocn;
    parent.append(el('h2', { text: T('sources') }), config.sources.length ? list(config.sources) : el('p', { text: T('sources.none') }));
    parent.append(el('h2', { text: T('limits') }), geocn.parts.legend.limits());
    for (const one of geocn.coverage) parent.append(el('h2', { text: one.name ? `${T('coverage.by.partner')}: ${one.name}` : T('coverage.by.partner') }), partnerTable(one.rows));
    parent.append(el('h2', { text: T('basemap') }), el('p', { text: T('basemap.about') }));
    parent.append(el('h2', { text: T('file') }), el('p', { text: T('file.about', { id: config.map_id }) }));
  };

  const partnerTable = (rows) => {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const show = (name, value) => (typeof value !== 'number' ? value ?? '' : /(^|_)share(_|$)/.test(name) ? geocn.share(value) : geocn.number(value));
    const line = (row) => el('tr', {}, ...names.map((name) => el('td', { cls: typeof row[name] === 'number' ? 'number' : '', text: show(name, row[name]) })));
    const head = el('tr', {}, ...names.map((name) => el('th', { text: geocn.field(name), attrs: { scope: 'col' } })));
    const table = el('table', { cls: 'small' }, el('thead', {}, head), el('tbody', {}, ...rows.map(line)));
    return el('div', { cls: 'table-scroll' }, table);
  };

  const TABS = {
    layers: (parent) => geocn.parts.legend.panel(parent),
    ranking: (parent) => geocn.parts.ranking.panel(parent),
    whatif: (parent) => geocn.parts.whatif.panel(parent),
    notes: (parent) => geocn.parts.notes.panel(parent),
    about,
  };

  const tabs = () => {
    const names = Object.keys(TABS).filter((name) => name !== 'whatif' || geocn.whatif);
    const strip = el('div', { cls: 'tabs', attrs: { role: 'tablist', 'aria-label': T('tabs') } });
    for (const name of names) {
      const chosen = geocn.state.tab === name;
      strip.append(el('button', { id: `tab-${name}`, text: T(`tab.${name}`), attrs: { type: 'button', role: 'tab', 'aria-selected': String(chosen), 'aria-controls': 'tab-body', tabindex: chosen ? 0 : -1 }, on: { click: () => showTab(name) } }));
    }
    strip.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const at = names.indexOf(geocn.state.tab) + step * (geocn.rtl() ? -1 : 1);
      const next = names[(at + names.length) % names.length];
      showTab(next);
      geocn.$(`tab-${next}`).focus();
    });
    return strip;
  };

  const showTab = (name) => {
    geocn.state.tab = name;
    geocn.$('panel').classList.remove('folded');
    geocn.$('panel').classList.toggle('wide', name === 'ranking');
    document.querySelectorAll('[role=tab]').forEach((tab) => {
      const chosen = tab.id === `tab-${name}`;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    });
    const body = geocn.$('tab-body');
    body.setAttribute('aria-labelledby', `tab-${name}`);
    body.replaceChildren();
    TABS[name](body);
    geocn.map.invalidateSize({ animate: false });
  };

  const build = () => {
    const tools = el('div', { cls: 'tools' }, language());
    geocn.parts.print.panel(tools);
    geocn.$('panel').replaceChildren(fold(), titleBlock(), tools, tabs(), el('div', { id: 'tab-body', attrs: { role: 'tabpanel', tabindex: 0 } }));
    geocn.$('panel').setAttribute('aria-label', T('panel'));
    geocn.$('stage').setAttribute('aria-label', T('map.label'));
    geocn.parts.mapview.controls();
    geocn.parts.periods.build();
    showTab(geocn.state.tab);
  };

  const start = async () => {
    await geocn.unlocked;
    geocn.config = geocn.json('geocn-config');
    await geocn.readCatalogues();
    geocn.state.language = geocn.config.language;
    const [world, detail, data] = await Promise.all(['geocn-world', 'geocn-detail', 'geocn-data'].map(geocn.block));
    geocn.blocks = { world, detail, data };
    geocn.coverage = data.header.coverage;
    geocn.parts.layers.start();
    geocn.parts.mapview.start();
    geocn.parts.labels.start();
    geocn.parts.points.start();
    geocn.parts.shapes.start();
    geocn.parts.whatif.start();
    geocn.parts.notes.start();
    for (const name of ['coordinates', 'inset', 'measure', 'compare']) geocn.parts[name].start();
    const { legend } = geocn.parts;
    geocn.parts.print.start({ limits: legend.limits, legend: () => [...geocn.layers].reverse().filter((layer) => layer.visible).map((layer) => [layer.title(), legend.legendOf(layer)]) });
    geocn.on('language', () => { geocn.map.closePopup(); build(); });
    // On a phone the panel steps aside for what was chosen on it.
    geocn.on('look', () => {
      if (!window.matchMedia('(max-width: 720px)').matches) return;
      geocn.$('panel').classList.add('folded');
      geocn.map.invalidateSize({ animate: false });
    });
    build();
    geocn.fitHome();
    document.documentElement.dataset.ready = 'true';
  };

  geocn.parts.main = { periodName };
  geocn.showTab = showTab;
  start().catch(geocn.fail);
})();
