'use strict';
// The bar under the map: a slider of periods, play, and a small chart of the series.
(() => {
  const { el, svg, T } = geocn;
  const WIDTH = 300, HEIGHT = 30, BEAT = 900, SPEEDS = [1, 2, 4, 0.5];
  let timer = null;

  // The dated layer that the chart tells of: values by period, else events, else what lasts.
  const told = () => {
    const dated = [...geocn.layers].reverse();
    const events = dated.filter((one) => one.time && one.time.rule === 'within');
    return dated.find((one) => one.visible && one.matrix) || events.find((one) => one.visible) || events[0]
      || dated.find((one) => one.visible && one.time);
  };

  // A period is chosen to see what the chart tells of: that layer is shown with it.
  const choosePeriod = (step) => {
    const layer = told();
    if (step >= 0 && layer && !layer.visible) geocn.setVisible(layer, true);
    geocn.setPeriod(step);
  };

  const series = () => {
    const layer = told();
    if (!layer) return null;
    const values = geocn.periods.map((step) => {
      if (layer.matrix) {
        const k = layer.steps.findIndex((s) => s[0] === step[0] && s[1] === step[1]);
        let sum = 0;
        for (let i = 0; k >= 0 && i < layer.n; i++) sum += layer.periodValue(i, k) ?? 0;
        return sum;
      }
      const { first, last, rule } = layer.time;
      let n = 0;
      for (let i = 0; i < layer.n; i++) {
        if (rule === 'within') n += first[i] !== geocn.NO_DAY && first[i] >= step[0] && last[i] <= step[1];
        else n += (first[i] === geocn.NO_DAY || first[i] <= step[1]) && (last[i] === geocn.NO_DAY || last[i] >= step[0]);
      }
      return n;
    });
    return { layer, values };
  };

  // The value of a step, where the slider stands or the pointer is.
  const worded = (found, step) => (step < 0 ? found.layer.title() : `${found.layer.title()}: ${geocn.isolate(geocn.number(found.values[step]))}`);

  const chart = (found, hover) => {
    const n = geocn.periods.length, most = Math.max(...found.values, 1e-12), width = WIDTH / n;
    const label = T('chart', {
      layer: found.layer.title(), most: geocn.number(most), at: geocn.span(geocn.periods[found.values.indexOf(most)] ?? geocn.periods[0]),
      first: geocn.span(geocn.periods[0]), last: geocn.span(geocn.periods[n - 1]),
    });
    const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', class: 'chart', role: 'img', 'aria-label': label });
    found.values.forEach((value, k) => {
      const height = Math.max(value > 0 ? 1 : 0, (value / most) * (HEIGHT - 2));
      const at = geocn.rtl() ? n - 1 - k : k;
      const bar = svg('rect', { x: at * width + width * 0.08, y: HEIGHT - height, width: width * 0.84, height, class: k === geocn.state.period ? 'bar chosen' : 'bar' });
      const area = svg('rect', { x: at * width, y: 0, width, height: HEIGHT, class: 'bar-area' });
      area.addEventListener('mouseenter', () => hover(k));
      area.addEventListener('click', () => { stop(); choosePeriod(k); });
      picture.append(bar, area);
    });
    picture.addEventListener('mouseleave', () => hover(-1));
    return el('div', { cls: 'charted-area' }, picture,
      el('div', { cls: 'axis', attrs: { 'aria-hidden': 'true' } }, el('span', { text: geocn.span(geocn.periods[0]) }), el('span', { text: `≤ ${geocn.number(most)}`, attrs: { dir: 'ltr' } }), el('span', { text: geocn.span(geocn.periods[n - 1]) })));
  };

  const stop = () => {
    clearInterval(timer);
    timer = null;
  };

  const run = () => {
    stop();
    timer = setInterval(() => geocn.setPeriod((geocn.state.period + 1) % geocn.periods.length), BEAT / speed());
  };

  const speed = () => Number(geocn.recall('speed') ?? 1);
  const paceButton = () => {
    const text = () => `${geocn.number(speed())}×`;
    const button = el('button', { id: 'period-speed', text: text(), attrs: { type: 'button', dir: 'ltr' } });
    const name = () => { button.textContent = text(); button.title = T('speed', { n: speed() }); button.setAttribute('aria-label', T('speed', { n: speed() })); };
    button.addEventListener('click', () => {
      geocn.remember('speed', SPEEDS[(SPEEDS.indexOf(speed()) + 1) % SPEEDS.length]);
      name();
      if (timer) run();
    });
    name();
    return button;
  };

  const build = () => {
    const old = geocn.$('period-bar');
    if (old) old.remove();
    if (!geocn.periods.length) return;
    const slider = el('input', { id: 'period-slider', attrs: { type: 'range', min: -1, max: geocn.periods.length - 1, step: 1, 'aria-label': T('period') } });
    slider.value = geocn.state.period;
    const output = el('output', { id: 'period-name', attrs: { 'aria-live': 'polite' } });
    const play = el('button', { id: 'period-play', attrs: { type: 'button' } });
    const all = el('button', { id: 'period-all', text: T('period.all'), attrs: { type: 'button' } });
    const holder = el('div', { cls: 'chart-holder' });
    const charted = el('small', { cls: 'charted', attrs: { dir: 'auto' } });
    const show = () => {
      const step = geocn.state.period;
      const name = step < 0 ? T('period.all') : geocn.span(geocn.periods[step]);
      output.textContent = name;
      slider.value = step;
      play.textContent = timer ? '❚❚' : '▶';
      play.setAttribute('aria-label', T(timer ? 'pause' : 'play'));
      play.title = T(timer ? 'pause' : 'play');
      all.hidden = step < 0;
      const found = series();
      const hover = (k) => {
        output.textContent = k < 0 ? name : geocn.span(geocn.periods[k]);
        charted.textContent = worded(found, k < 0 ? step : k);
      };
      holder.replaceChildren(...(found ? [chart(found, hover)] : []));
      charted.textContent = found ? worded(found, step) : '';
      slider.setAttribute('aria-valuetext', found && step >= 0 ? `${name}. ${worded(found, step)}` : name);
    };
    slider.addEventListener('input', () => { stop(); choosePeriod(Number(slider.value)); });
    all.addEventListener('click', () => { stop(); geocn.setPeriod(-1); });
    play.addEventListener('click', () => {
      if (timer) { stop(); show(); return; }
      run();
      choosePeriod((geocn.state.period + 1) % geocn.periods.length);
    });
    const bar = el('section', { id: 'period-bar', attrs: { 'aria-label': T('period') } }, el('div', { cls: 'play' }, play, paceButton()), el('div', { cls: 'slide' }, holder, slider), el('div', { cls: 'period-end' }, output, charted, all));
    L.DomEvent.disableClickPropagation(bar);
    geocn.$('stage').append(bar);
    geocn.$('stage').classList.add('timed');
    geocn.refreshPeriods = show;
    show();
  };

  geocn.on('period', () => geocn.refreshPeriods && geocn.refreshPeriods());
  geocn.on('visible', () => geocn.refreshPeriods && geocn.refreshPeriods());
  geocn.parts.periods = { build };
  geocn.choosePeriod = choosePeriod;
})();
