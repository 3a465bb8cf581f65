"""Reading and the whole run."""

from __future__ import annotations

from benchmarks.case import Case

_SEIZURES = Case(
    "311,038 real seizures, read and harmonised, places matched",
    """
import warnings; warnings.simplefilter("ignore")
import geocn
#--
towns = geocn.read_places("{reference}/colombia/municipalities.gpkg", code="ADM2_PCODE",
                                 name="ADM2_ES", parent="ADM1_ES", country="Colombia")
frame = geocn.read_seizures("{reference}/seizures_unodc_ids_2011_2016.zip", places=towns)
print(len(frame))
""",
    """
import zipfile, pandas as pd
#--
with zipfile.ZipFile("{reference}/seizures_unodc_ids_2011_2016.zip") as z:
    frame = pd.read_csv(z.open(z.namelist()[0]), sep=";", dtype=str)
frame["SEIZURE_DATE"] = pd.to_datetime(frame["SEIZURE_DATE"], errors="coerce", utc=True)
frame["AMOUNT"] = pd.to_numeric(frame["AMOUNT"], errors="coerce")
print(len(frame))
""",
    "pandas.read_csv and to_datetime alone (nothing harmonised)",
    limit_cpu_s=10,
    limit_mb=1500,
)

_DEMO = Case(
    "the demo, all releases and maps",
    """
import tempfile, warnings; warnings.simplefilter("ignore")
import geocn
from geocn._sample import sample_folder
#--
with tempfile.TemporaryDirectory() as folder:
    geocn.run(sample_folder() / "andes" / "project.toml", out=folder)
""",
    limit_cpu_s=30,
)

CASES = (
    _SEIZURES,
    _DEMO,
)
