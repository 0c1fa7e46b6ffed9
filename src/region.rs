//! From what a user asks for, a box or a polygon, to the rectangle of a tile that a run is for.

use crate::error::Error;
use crate::options::InvalidOption;
use sen2cor_core::grid::{Block, Extent, GeoTransform, Geographic};
use sen2cor_io::safe::L1cTile;
use serde_json::Value;
use std::path::Path;

/// Largest GeoJSON file, bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Pieces of an edge, since what is straight in longitude and latitude is curved in a UTM zone.
const PIECES: u32 = 20;
/// Rectangles end where all grids have an edge of a pixel.
const STEP_M: f64 = 60.0;
const STEP_CELLS: f64 = 6.0;
/// What a box may reach beyond an edge of pixels without taking in more of them, in steps of 60 m.
const SLACK: f64 = 1e-5;
/// Eastings of the UTM zones are larger than any longitude.
const LARGEST_DEGREE: f64 = 360.0;
/// Farther from the middle of its zone a place is taken to be here: the projection has no use there.
const FARTHEST_DEG: f64 = 40.0;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Area {
    /// West, south, east and north in the coordinates of the tile, metres.
    Metres([f64; 4]),
    /// Closed lines of places.
    Lines(Vec<Vec<Geographic>>),
}

impl Area {
    /// Reads a box, `W,S,E,N` in degrees or in metres of the tile's zone, or else the GeoJSON file of this name.
    ///
    /// # Errors
    /// If it is neither.
    pub(crate) fn read(text: &str) -> Result<Self, InvalidOption> {
        let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[west, south, east, north]) => boxed([west, south, east, north]),
            Some(_) => Err(InvalidOption::Unreadable {
                reason: format!("roi is {text:?}: a box is four numbers, west,south,east,north"),
            }),
            None => geojson(Path::new(text)),
        }
    }

    /// The rectangle of a tile that holds what is asked for, its edges multiples of 60 m from the tile's corner; `None` if the
    /// tile has nothing of it.
    pub(crate) fn in_tile(&self, ground: &GeoTransform, extent: Extent) -> Option<Block> {
        let [west, south, east, north] = match self {
            Self::Metres(bounds) => *bounds,
            Self::Lines(lines) => bounds(lines, ground),
        };
        let first = |from: f64| ((from / STEP_M + SLACK).floor() * STEP_CELLS).max(0.0) as u32;
        let end = |to: f64, cells: u32| {
            ((to / STEP_M - SLACK).ceil() * STEP_CELLS).clamp(0.0, f64::from(cells)) as u32
        };
        let (row, col) = (first(ground.uly_m - north), first(west - ground.ulx_m));
        let (below, right) = (end(ground.uly_m - south, extent.rows), end(east - ground.ulx_m, extent.cols));
        (row < below && col < right).then(|| Block { row, col, rows: below - row, cols: right - col })
    }
}

/// The rectangles of tiles; `None` for tiles that have nothing of it.
///
/// # Errors
/// If no tile has.
pub(crate) fn of_tiles(text: &str, tiles: &[L1cTile]) -> Result<Vec<Option<Block>>, Error> {
    let area = Area::read(text).map_err(|problem| Error::Options(vec![problem]))?;
    let part = |tile: &L1cTile| area.in_tile(&tile.metadata.ground, tile.metadata.extent());
    let parts: Vec<_> = tiles.iter().map(part).collect();
    if parts.iter().any(Option::is_some) {
        return Ok(parts);
    }
    let places: Vec<_> = tiles.iter().map(place).collect();
    let reason = format!("roi {text} does not touch {}", places.join(" or "));
    Err(Error::Options(vec![InvalidOption::Conflict { reason }]))
}

/// Where a tile lies, for messages.
fn place(tile: &L1cTile) -> String {
    let (ground, extent) = (&tile.metadata.ground, tile.metadata.extent());
    let (west, north) = (ground.ulx_m, ground.uly_m);
    let (east, south) = (west + f64::from(extent.cols) * 10.0, north - f64::from(extent.rows) * 10.0);
    let (low, high) = (ground.geographic(west, south), ground.geographic(east, north));
    format!(
        "tile {}, which covers {west},{south},{east},{north} in EPSG:{}, about {:.4},{:.4},{:.4},{:.4} in degrees",
        tile.metadata.mgrs_tile,
        ground.epsg,
        low.longitude_deg,
        low.latitude_deg,
        high.longitude_deg,
        high.latitude_deg,
    )
}

fn boxed([west, south, east, north]: [f64; 4]) -> Result<Area, InvalidOption> {
    let bad = |what: &str| {
        let reason = format!("roi is {west},{south},{east},{north}: {what}");
        Err(InvalidOption::Unreadable { reason })
    };
    if ![west, south, east, north].iter().all(|number| number.is_finite()) {
        return bad("not a number");
    }
    if south >= north {
        return bad("the order is west,south,east,north, and south must be below north");
    }
    if west.abs() > LARGEST_DEGREE || east.abs() > LARGEST_DEGREE {
        return if west < east {
            Ok(Area::Metres([west, south, east, north]))
        } else {
            bad("west is not below east")
        };
    }
    if south < -90.0 || north > 90.0 {
        return bad("a latitude beyond 90 degrees");
    }
    // From 170 to -170 it goes over the antimeridian.
    let east = if west > east { east + 360.0 } else { east };
    let corner = |longitude_deg: f64, latitude_deg: f64| Geographic { latitude_deg, longitude_deg };
    Ok(Area::Lines(vec![vec![
        corner(west, south),
        corner(east, south),
        corner(east, north),
        corner(west, north),
        corner(west, south),
    ]]))
}

fn geojson(path: &Path) -> Result<Area, InvalidOption> {
    let bad = |reason: String| InvalidOption::File { path: path.to_owned(), reason };
    let size =
        std::fs::metadata(path).map_err(|e| bad(format!("roi is no box west,south,east,north, and {e}")))?;
    if size.len() > MAX_BYTES {
        return Err(bad(format!("more than {} MiB", MAX_BYTES >> 20)));
    }
    let text = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
    let document: Value = serde_json::from_slice(&text).map_err(|e| bad(format!("not GeoJSON: {e}")))?;
    let system = document.pointer("/crs/properties/name").and_then(Value::as_str).unwrap_or("CRS84");
    if !["CRS84", "EPSG::4326", "EPSG:4326"].iter().any(|known| system.ends_with(known)) {
        return Err(bad(format!("coordinates in {system}; GeoJSON has longitude and latitude on WGS 84")));
    }
    let mut lines = Vec::new();
    collect(&document, &mut lines).map_err(bad)?;
    if lines.is_empty() { Err(bad("no polygon".to_owned())) } else { Ok(Area::Lines(lines)) }
}

/// The rings of all polygons below a GeoJSON object.
fn collect(object: &Value, lines: &mut Vec<Vec<Geographic>>) -> Result<(), String> {
    let list = |name: &str| {
        let found = object.get(name).and_then(Value::as_array);
        found.ok_or_else(|| format!("no list {name:?} where one is expected"))
    };
    match object.get("type").and_then(Value::as_str) {
        Some("FeatureCollection") => list("features")?.iter().try_for_each(|feature| collect(feature, lines)),
        Some("GeometryCollection") => list("geometries")?.iter().try_for_each(|part| collect(part, lines)),
        Some("Feature") => collect(object.get("geometry").unwrap_or(&Value::Null), lines),
        Some("Polygon") => rings(list("coordinates")?, lines),
        Some("MultiPolygon") => list("coordinates")?.iter().try_for_each(|polygon| {
            rings(polygon.as_array().ok_or("a polygon that is no list of rings")?, lines)
        }),
        Some(other) => Err(format!("{other}: only polygons have an area")),
        None => Err("an object without type".to_owned()),
    }
}

fn rings(rings: &[Value], lines: &mut Vec<Vec<Geographic>>) -> Result<(), String> {
    for ring in rings {
        let place = |position: &Value| {
            let at = |index: usize| position.get(index).and_then(Value::as_f64).filter(|x| x.is_finite());
            let (longitude_deg, latitude_deg) = (at(0)?, at(1)?);
            (latitude_deg.abs() <= 90.0 && longitude_deg.abs() <= 360.0)
                .then_some(Geographic { latitude_deg, longitude_deg })
        };
        let places: Option<Vec<_>> = ring.as_array().and_then(|ring| ring.iter().map(place).collect());
        let places = places.ok_or("a position that is no longitude and latitude in degrees")?;
        if places.len() < 3 {
            return Err("a ring of fewer than three positions".to_owned());
        }
        lines.push(places);
    }
    Ok(())
}

/// West, south, east and north of lines in the zone of a tile, metres.
fn bounds(lines: &[Vec<Geographic>], ground: &GeoTransform) -> [f64; 4] {
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let middle_deg = f64::from(ground.utm_zone()) * 6.0 - 183.0;
    // The first place of a line chooses the turn of the globe, so that a line is not torn where longitudes jump.
    for line in lines {
        let Some(first) = line.first() else { continue };
        let start = turned(first.longitude_deg - middle_deg);
        for (a, b) in line.iter().zip(line.iter().skip(1)) {
            for piece in 0..=PIECES {
                let part = f64::from(piece) / f64::from(PIECES);
                let off = |place: &Geographic| start + turned(place.longitude_deg - first.longitude_deg);
                let off_deg = off(a) + (off(b) - off(a)) * part;
                let (easting_m, northing_m) = ground.projected(Geographic {
                    latitude_deg: a.latitude_deg + (b.latitude_deg - a.latitude_deg) * part,
                    longitude_deg: middle_deg + off_deg.clamp(-FARTHEST_DEG, FARTHEST_DEG),
                });
                bounds = [
                    bounds[0].min(easting_m),
                    bounds[1].min(northing_m),
                    bounds[2].max(easting_m),
                    bounds[3].max(northing_m),
                ];
            }
        }
    }
    bounds
}

/// An angle between -180 and 180 degrees.
fn turned(angle_deg: f64) -> f64 {
    (angle_deg + 180.0).rem_euclid(360.0) - 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: Extent = Extent { rows: 10_980, cols: 10_980 };
    const GROUND: GeoTransform = GeoTransform { epsg: 32633, ulx_m: 300_000.0, uly_m: 6_200_040.0 };

    fn block(text: &str) -> Option<Block> {
        Area::read(text).unwrap().in_tile(&GROUND, TILE)
    }

    #[test]
    fn boxes_grow_to_whole_pixels_of_60_m_and_end_with_the_tile() {
        let exact = Block { row: 6, col: 12, rows: 60, cols: 600 };
        assert_eq!(block("300120,6199380,306120,6199980"), Some(exact));
        assert_eq!(block("300179,6199430,306061,6199979"), Some(exact));
        assert_eq!(block("0,0,900000,9000000"), Some(Block { row: 0, col: 0, rows: 10_980, cols: 10_980 }));
        assert_eq!(
            block("409740,6000000,500000,6090300"),
            Some(Block { row: 10_974, col: 10_974, rows: 6, cols: 6 })
        );
        for outside in ["409800,6000000,500000,6200000", "200000,6000000,300000,6200000", "20,10,21,11"] {
            assert_eq!(block(outside), None, "{outside}");
        }
    }

    #[test]
    fn a_box_in_degrees_holds_its_corners() {
        // The middle of the tile by PROJ 9: 354900 6145140 is 12.6803.. E 55.4289.. N
        let place = GROUND.geographic(354_900.0, 6_145_140.0);
        let (lon, lat) = (place.longitude_deg, place.latitude_deg);
        let found = block(&format!("{lon},{lat},{},{}", lon + 0.01, lat + 0.01)).unwrap();
        let (east, north) =
            GROUND.projected(Geographic { latitude_deg: lat + 0.01, longitude_deg: lon + 0.01 });
        let right = GROUND.ulx_m + f64::from(found.col + found.cols) * 10.0;
        let top = GROUND.uly_m - f64::from(found.row) * 10.0;
        assert!(
            (0.0..=60.0).contains(&(right - east)) && (-1e-3..60.0).contains(&(top - north)),
            "{found:?}"
        );
        assert!(GROUND.ulx_m + f64::from(found.col) * 10.0 <= 354_900.0);
    }

    #[test]
    fn boxes_go_over_the_antimeridian() {
        let fiji = GeoTransform { epsg: 32760, ulx_m: 799_980.0, uly_m: 8_100_040.0 };
        let found = Area::read("179.9,-18,-179.9,-17.5").unwrap().in_tile(&fiji, TILE).unwrap();
        assert!(found.col > 0 && found.cols > 1000, "{found:?}");
    }

    #[test]
    fn what_is_no_area_is_refused() {
        for (text, said) in [
            ("1,2,3", "four numbers"),
            ("1,5,3,4", "south must be below"),
            ("500000,1,400000,2", "west is not below"),
            ("1,-95,3,4", "latitude"),
            ("1,nan,3,4", "not a number"),
            ("no/such/file.geojson", "no box"),
        ] {
            let error = Area::read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn polygons_are_found_wherever_they_stand() {
        let polygon = r#"{"type":"Polygon","coordinates":[[[12,55],[12.1,55],[12.1,55.1],[12,55]]]}"#;
        let collection = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":null,"geometry":{polygon}}}]}}"#
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("area.geojson");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Area::read(path.to_str().unwrap())
        };
        let plain = read(polygon).unwrap();
        assert_eq!(read(&collection).unwrap(), plain);
        assert!(plain.in_tile(&GROUND, TILE).is_some());
        for (text, said) in [
            ("{", "not GeoJSON"),
            (r#"{"type":"Point","coordinates":[1,2]}"#, "only polygons"),
            (r#"{"type":"Polygon","coordinates":[[[1,2],[3,4]]]}"#, "fewer than three"),
            (r#"{"type":"Polygon","coordinates":[[[1,200],[3,4],[5,6]]]}"#, "position"),
            (r#"{"type":"FeatureCollection","features":[]}"#, "no polygon"),
            (
                r#"{"type":"Polygon","crs":{"properties":{"name":"EPSG:32633"}},"coordinates":[]}"#,
                "EPSG:32633",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
