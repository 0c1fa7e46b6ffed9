//! The GML document that says where an image lies (GMLJP2, OGC 05-047r3), in the form that operational products have
//! since processing baseline 04.00. The vocabulary is fixed; only sizes, position and coordinate system vary.

use sen2cor_core::grid::GeoTransform;

/// The document for an image whose upper left corner is that of the tile.
///
/// `resolution_m` is the pixel size (10, 20, 60, or 320 for the preview), `rows` and `cols` the size in pixels. The
/// position written is the centre of the upper left pixel.
pub fn gml_document(ground: &GeoTransform, resolution_m: f64, rows: u32, cols: u32) -> String {
    let system = format!("urn:ogc:def:crs:EPSG::{}", ground.epsg);
    let x_m = ground.ulx_m + resolution_m / 2.0;
    let y_m = ground.uly_m - resolution_m / 2.0;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.opengeospatial.net/gml http://schemas.opengis.net/gml/3.1.1/profiles/gmlJP2Profile/1.0.0/gmlJP2Profile.xsd">
  <gml:boundedBy>
    <gml:Null>withheld</gml:Null>
  </gml:boundedBy>
  <gml:featureMember>
    <gml:FeatureCollection>
      <gml:featureMember>
        <gml:RectifiedGridCoverage dimension="2" gml:id="RGC0001">
          <gml:rectifiedGridDomain>
            <gml:RectifiedGrid dimension="2">
              <gml:limits>
                <gml:GridEnvelope>
                  <gml:low>1 1</gml:low>
                  <gml:high>{cols} {rows}</gml:high>
                </gml:GridEnvelope>
              </gml:limits>
              <gml:axisName>x</gml:axisName>
              <gml:axisName>y</gml:axisName>
              <gml:origin>
                <gml:Point gml:id="P0001" srsName="{system}">
                  <gml:pos>{x_m} {y_m}</gml:pos>
                </gml:Point>
              </gml:origin>
              <gml:offsetVector srsName="{system}">{resolution_m} 0</gml:offsetVector>
              <gml:offsetVector srsName="{system}">0 -{resolution_m}</gml:offsetVector>
            </gml:RectifiedGrid>
          </gml:rectifiedGridDomain>
          <gml:rangeSet>
            <gml:File>
              <gml:rangeParameters>
                <gml:QuantityExtent uom="{system}">inapplicable inapplicable</gml:QuantityExtent>
              </gml:rangeParameters>
              <gml:fileName>gmljp2://codestream/0</gml:fileName>
              <gml:fileStructure>Record Interleaved</gml:fileStructure>
            </gml:File>
          </gml:rangeSet>
          <gml:coverageFunction>
            <gml:GridFunction>
              <gml:sequenceRule order="+x-y">Linear</gml:sequenceRule>
              <gml:startPoint>1 {rows}</gml:startPoint>
            </gml:GridFunction>
          </gml:coverageFunction>
        </gml:RectifiedGridCoverage>
      </gml:featureMember>
    </gml:FeatureCollection>
  </gml:featureMember>
</gml:FeatureCollection>
"#
    )
}
