"""Run by the system's Python: open a GeoPackage in QGIS and say what it shows, as JSON."""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProject,
    QgsProviderRegistry,
    QgsProviderSublayerDetails,
    QgsRenderContext,
)


def shown(layer):
    renderer = layer.renderer()
    context = QgsRenderContext()
    context.setExpressionContext(layer.createExpressionContext())
    renderer.startRender(context, layer.fields())
    rows = []
    for feature in layer.getFeatures():
        context.expressionContext().setFeature(feature)
        keys = renderer.legendKeysForFeature(feature, context)
        symbols = renderer.symbolsForFeature(feature, context)
        legend = {item.ruleKey(): item.label() for item in renderer.legendSymbolItems()}
        rows.append(
            {
                "fid": feature.id(),
                "labels": sorted(legend[key] for key in keys if key in legend),
                "colors": [symbol.color().name() for symbol in symbols],
            }
        )
    renderer.stopRender(context)
    items = renderer.legendSymbolItems()
    return {
        "renderer": renderer.type(),
        "legend": [item.label() for item in items],
        "rows": rows,
        "sizes": [
            symbol.symbolLayer(0).dataDefinedProperties().property(0).expressionString()
            for symbol in (item.symbol() for item in items)
            if symbol.type() == Qgis.SymbolType.Marker
        ],
    }


def main(path):
    application = QgsApplication([], False)
    application.initQgis()
    flags = Qgis.SublayerQueryFlags(Qgis.SublayerQueryFlag.ResolveGeometryType)
    options = QgsProviderSublayerDetails.LayerOptions(QgsProject.instance().transformContext())
    options.loadDefaultStyle = True
    found = {}
    for part in QgsProviderRegistry.instance().querySublayers(path, flags):
        layer = part.toLayer(options)
        about = {
            "valid": layer.isValid(),
            "title": layer.metadata().title(),
            "abstract": layer.metadata().abstract(),
            "marking": [one.constraint for one in layer.metadata().constraints()],
        }
        found[layer.name()] = about | (shown(layer) if layer.isSpatial() else {})
        del layer
    print("JSON" + json.dumps(found))
    application.exitQgis()


main(sys.argv[1])
