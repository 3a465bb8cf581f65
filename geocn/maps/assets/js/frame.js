'use strict';
// What stands around every map: title block, language, folding panel.
(() => {
  const { el, T } = geocn;

  const dateOf = (iso) => (iso ? geocn.day(Math.round(Date.parse(`${iso}T00:00:00Z`) / 86400000)) : T('cutoff.unknown'));

  const titleBlock = () => {
    const { config } = geocn;
    const line = (label, text) => el('p', { cls: 'meta' }, el('b', { text: `${T(label)}: ` }), el('bdi', { text }));
    return el('header', { cls: 'title-block' }, el('h1', { text: config.title, attrs: { dir: 'auto' } }), line('cutoff', dateOf(config.cutoff)), config.author ? line('author', config.author) : null);
  };

  const language = () => {
    const select = el('select', { id: 'language', attrs: { 'aria-label': T('language') } });
    for (const code of geocn.config.languages) {
      const option = el('option', { text: geocn.catalogues[code].language_name, attrs: { value: code, lang: code } });
      option.selected = code === geocn.state.language;
      select.append(option);
    }
    select.addEventListener('change', () => { geocn.setLanguage(select.value); geocn.$('language').focus(); });
    return select;
  };

  const fold = () => {
    const button = el('button', { id: 'fold', attrs: { type: 'button', 'aria-label': T('panel.fold') } }, el('span', { attrs: { 'aria-hidden': 'true' } }));
    button.addEventListener('click', () => {
      geocn.$('panel').classList.toggle('folded');
      geocn.map.invalidateSize({ animate: false });
    });
    return button;
  };

  const list = (texts) => el('ul', { cls: 'plain' }, ...texts.map((text) => el('li', {}, el('bdi', { text }))));

  geocn.parts.frame = { titleBlock, language, fold, list };
})();
