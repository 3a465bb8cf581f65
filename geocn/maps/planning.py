"""``PlanningMap``: layers go in one by one, one offline file comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.maps import basemap, page
from geocn.maps.columns import days
from geocn.maps.packing import Pack
from geocn.maps.periods import Frequency, slider
from geocn.maps.stack import LayerStack
from geocn.maps.title_block import TitleBlock
from geocn.maps.visibility import first_view, settle_visibility

if TYPE_CHECKING:
    import folium


class PlanningMap(LayerStack):
    """A planning map: layers are added, then it is saved as one offline HTML file.

    The file asks for nothing but itself, runs only the package's own scripts, and is the
    same, byte for byte, for the same input. Only the columns that a layer shows (see the
    ``add_…`` methods and their ``columns=``) enter it.

    Parameters
    ----------
    title : str
        Stands in the title block and the browser's title.
    marking : str
        TLP 2.0 label, or any other marking, printed top and bottom; never translated. A
        layer whose rows carry a higher TLP label is refused.
    releasable_to : str, optional
        Stands beside the marking.
    as_of : date-like, optional
        Information cut-off.
    sources, limits : sequence of str
        Where the data come from; what the map does not show, besides what it counts itself
        (rows without a place, imprecise places, basemap).
    language : {"en", "es", "fr", "pt", "ar"}
        The language the map opens in; the reader can switch.
    author : str, optional
        Who made the map.
    period : {"month", "quarter", "year"}, optional
        Steps of the period slider; by default the finest that gives a handy number.

    Example
    -------
    >>> import geopandas as gpd, shapely
    >>> seizures = gpd.GeoDataFrame(
    ...     {"drug": ["cocaine"], "weight_kg": [12.5], "seized_at": ["2025-03-01"]},
    ...     geometry=[shapely.Point(-76.6, 2.4)], crs="EPSG:4326")
    >>> plan = PlanningMap("Review", marking="TLP:GREEN", as_of="2025-12-31")
    >>> html = plan.add_seizures(seizures).to_html()
    >>> "TLP:GREEN" in html
    True
    """

    def __init__(
        self,
        title: str,
        *,
        marking: str = "TLP:RED",
        releasable_to: str | None = None,
        as_of: Any = None,
        sources: Iterable[str] = (),
        limits: Iterable[str] = (),
        language: str = "en",
        author: str | None = None,
        period: Frequency | None = None,
    ) -> None:
        block = TitleBlock.of(
            title,
            marking=marking,
            releasable_to=releasable_to,
            as_of=as_of,
            sources=sources,
            limits=limits,
            author=author,
            language=language,
        )
        super().__init__(block)
        self.title = block.title
        self.language = block.language
        self._period = period
        slider([], [], period)

    @property
    def marking(self) -> str:
        """The marking as it is printed."""
        return str(self._block.marking)

    def to_folium(self, *, tiles: Any = None) -> folium.Map:
        """Return a ``folium.Map`` with the same layers, for notebooks.

        It lies on the bundled basemap unless ``tiles`` are named. Texts are escaped. A
        folium map asks for Leaflet over the network; :meth:`save` writes the sealed file.
        """
        from geocn.maps.folium_map import folium_map

        settle_visibility(self._layers)
        return folium_map(
            self._layers,
            title=self.title,
            marking=self.marking,
            language=self.language,
            tiles=tiles,
        )

    def to_html(self) -> str:
        """Return the sealed page as text."""
        pack = Pack()
        settle_visibility(self._layers)
        header = {
            "layers": [layer.encode(number, pack) for number, layer in enumerate(self._layers)],
            "whatif": [what_if.encode(pack) for what_if in self._what_ifs],
            "periods": self._periods(),
            "coverage": self._coverage,
        }
        data = pack.block(header)
        bounds = first_view(self._layers)
        blocks = {
            "geocn-world": basemap.world_block(),
            "geocn-detail": basemap.detail_block(bounds),
            "geocn-data": data,
        }
        block = replace(self._block, title=self.title, language=self.language)
        config = block.config(bounds)
        identity = hashlib.sha256((repr(sorted(config.items())) + data).encode("utf-8"))
        patterns = any("emerging_class" in layer.frame for layer in self._layers)
        named = {**config, "map_id": identity.hexdigest()[:12]}
        return page.render(named, blocks, patterns=patterns)

    def save(
        self,
        path: StrPath,
        *,
        passphrase: str | None = None,
        hide_title: bool = False,
        allow_weak: bool = False,
        withheld: Any = None,
    ) -> Path:
        """Write the sealed page and return its path; the previous file stays whole until then.

        Parameters
        ----------
        path : path-like
        passphrase : str, optional
            Encrypt the map (AES-256-GCM, key by PBKDF2 with 600,000 iterations); the page
            then asks for it, offline too. Only the marking, the releasability, the opening
            language and, without ``hide_title``, the title are readable without it. Salt
            and nonces are random, so an encrypted file never has the same bytes twice.
        hide_title : bool
            Encrypt the title too.
        allow_weak : bool
            Take a passphrase of fewer than 12 characters.
        withheld : DataFrame, mapping of str to DataFrame, or WatchList, optional
            What the file must not hold, as for :func:`geocn.sharing.scan`; an encrypted map
            is scanned as it is before. :func:`geocn.sharing.watch_list` says what of it may.

        Raises
        ------
        WriteError
            Where it cannot be written.
        LeakFoundError
            Where it holds what is withheld; nothing is left behind.
        ParameterError
            Where the passphrase is too short, or ``hide_title`` comes without one.
        """
        from geocn.io.atomic import atomic_file
        from geocn.maps.encryption import lock
        from geocn.sharing.scan import refuse_leaks

        if hide_title and passphrase is None:
            raise ParameterError("hide_title=True hides nothing without a passphrase=.")
        target = Path(path)
        text = self.to_html()
        plain = text.encode("utf-8")
        if passphrase is not None:
            text = lock(text, passphrase, hide_title=hide_title, allow_weak=allow_weak)
        with atomic_file(target) as temporary:
            Path(temporary).write_text(text, encoding="utf-8", newline="\n")
            if withheld is not None:
                refuse_leaks(target.name, plain, withheld)
        return target

    def _periods(self) -> list[list[int]]:
        spans = [layer.spans for layer in self._layers if layer.spans is not None]
        fixed = [step for layer in self._layers for step in layer.steps]
        cutoff = self._block.cutoff
        until = int(days(pd.Series([cutoff]))[0]) if cutoff else None
        return [list(step) for step in slider(spans, fixed, self._period, until=until)]
