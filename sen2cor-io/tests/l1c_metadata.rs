//! Level-1C metadata of real products.
//!
//! The files are as disseminated by ESA; golden values were read off them with other tools (lxml, by eye).

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod l1c_common;

use l1c_common::{data, files_named};
use sen2cor_core::grid::{Block, Resolution};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_io::Error;
use sen2cor_io::safe::names::{ProcessingBaseline, ProductFormat, ProductName};
use sen2cor_io::xml::{DatastripMetadata, OrbitDirection, ProductMetadata, TileMetadata, part_of_tile};
use std::path::{Path, PathBuf};

fn product(file: &Path) -> ProductMetadata {
    ProductMetadata::parse(file, &std::fs::read(file).unwrap()).unwrap()
}

fn tile(file: &Path) -> TileMetadata {
    TileMetadata::parse(file, &std::fs::read(file).unwrap()).unwrap()
}

fn is_product(name: &str) -> bool {
    name == "MTD_MSIL1C.xml" || name.contains("_MTD_SAFL1C_")
}

fn is_tile(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    (name == "MTD_TL.xml" && path.to_string_lossy().contains("_MSIL1C_")) || name.contains("_MTD_L1C_TL_")
}

#[test]
fn the_product_metadata_of_all_real_products_are_read() {
    let Some(data) = data() else { return };
    let files = files_named(&data, &|path| is_product(&path.file_name().unwrap().to_string_lossy()));
    assert_eq!(files.len(), 29);
    for file in files {
        let product = product(&file);
        let offsets = product.baseline >= ProcessingBaseline::WITH_OFFSETS;
        assert_eq!(product.radio_add_offset, [if offsets { -1000 } else { 0 }; 13], "{}", file.display());
        assert_eq!(
            (product.no_data_value, product.saturated_value, product.quantification),
            (0, 65535, 10_000.0)
        );
        assert!(product.footprint.len() >= 5, "{}", file.display());
        assert_eq!(product.footprint.first(), product.footprint.last());
        for granule in &product.granules {
            assert!(matches!(granule.image_files.len(), 13 | 14), "{}", granule.granule_id);
        }
        // The name of the product says the same.
        if let Ok(name) = product.product_uri.parse::<ProductName>() {
            assert_eq!(name.format, product.format);
            assert_eq!(name.spacecraft, product.spacecraft);
            assert_eq!(name.relative_orbit, product.orbit_number);
            assert_eq!(name.baseline.unwrap_or(product.baseline), product.baseline);
            let stamp: String =
                product.datatake_sensing_start.chars().filter(|c| !matches!(c, '-' | ':')).take(15).collect();
            assert_eq!(name.sensing_start, stamp);
        } else {
            assert_eq!(product.format, ProductFormat::Standard);
        }
    }
}

#[test]
fn the_tile_metadata_of_all_real_products_are_read() {
    let Some(data) = data() else { return };
    let files = files_named(&data, &is_tile);
    assert_eq!(files.len(), 32);
    for file in files {
        let tile = tile(&file);
        assert_eq!(tile.shapes, [(10_980, 10_980), (5490, 5490), (1830, 1830)]);
        assert_eq!(tile.view_grids.len(), 13);
        let sun = tile.sun_grid.unwrap();
        assert_eq!(sun.zenith_deg.dim(), (23, 23));
        // The mean is the mean of the grid, as far as the tile reaches (22 of 23 nodes).
        let mean = sun.zenith_deg.mean().unwrap();
        assert!((mean - tile.mean_sun.zenith_deg).abs() < 0.2, "{} {mean}", file.display());
        for band in Band::ALL {
            let mean = tile.mean_view[band.index()].unwrap();
            let zenith = tile.view_grids[&band].merged(|_, _| None).unwrap().zenith_deg;
            let valid: Vec<f64> = zenith.iter().copied().filter(|z| !z.is_nan()).collect();
            assert!(!valid.is_empty());
            assert!(valid.iter().any(|z| *z <= mean.zenith_deg + 0.5) && mean.zenith_deg < 13.0);
        }
        assert!(matches!(tile.masks.len(), 66 | 27));
        assert!(file.to_string_lossy().contains(&format!("T{}", tile.mgrs_tile)));
        let zone: u32 = tile.mgrs_tile[..2].parse().unwrap();
        assert_eq!(tile.ground.utm_zone(), zone);
        assert_eq!(tile.ground.is_north(), tile.mgrs_tile.as_bytes()[2] >= b'N');
    }
}

fn template(data: &Path, name: &str, wanted: &dyn Fn(&Path) -> bool) -> PathBuf {
    files_named(&data.join("templates").join(name), wanted).remove(0)
}

#[test]
fn values_of_a_product_with_offsets() {
    let Some(data) = data() else { return };
    let product = product(&template(&data, "N0511_S2C", &|path| path.ends_with("MTD_MSIL1C.xml")));
    assert_eq!(product.product_uri, "S2C_MSIL1C_20250228T031721_N0511_R118_T48PVS_20250228T065233.SAFE");
    assert_eq!((product.baseline.to_string().as_str(), product.psd_version), ("05.11", 15));
    assert_eq!((product.spacecraft, product.format), (Spacecraft::S2C, ProductFormat::Compact));
    assert_eq!((product.orbit_number, product.orbit_direction), (118, OrbitDirection::Descending));
    assert_eq!(product.footprint[0], (10.854_120_303_387_177, 104.084_733_974_177_6));
}

#[test]
fn values_of_an_old_product() {
    let Some(data) = data() else { return };
    let file = template(&data, "N0204_old", &|path| is_product(&path.file_name().unwrap().to_string_lossy()));
    let product = product(&file);
    assert_eq!((product.baseline.to_string().as_str(), product.psd_version), ("02.04", 13));
    assert_eq!(product.format, ProductFormat::Standard);
    assert_eq!(product.datatake_identifier, "GS2A_20161205T101402_007598_N02.04");
    assert_eq!(product.sun_distance_correction, 1.029_054_404_929_24);
    let irradiance = product.solar_irradiance_w_m2_um;
    let expected = [
        1913.57, 1941.63, 1822.61, 1512.79, 1425.56, 1288.32, 1163.19, 1036.39, 955.19, 813.04, 367.15,
        245.59, 85.25,
    ];
    assert_eq!(irradiance, expected);
    assert_eq!(
        product.granules[0].image_files[0],
        "S2A_OPER_MSI_L1C_TL_SGS__20161205T171834_A007598_T33UVB_B04"
    );

    let tile = tile(&template(&data, "N0204_old", &is_tile));
    assert_eq!(
        (tile.mean_sun.zenith_deg, tile.mean_sun.azimuth_deg),
        (78.320_591_337_886, 170.980_611_778_588)
    );
    assert_eq!((tile.ground.epsg, tile.ground.ulx_m, tile.ground.uly_m), (32633, 399_960.0, 6_200_040.0));
    assert_eq!((tile.mgrs_tile.as_str(), tile.absolute_orbit), ("33UVB", Some(7598)));
    assert_eq!(tile.sensing_time, "2016-12-05T10:14:12.679Z");
    assert_eq!(tile.shape(Resolution::R20), (5490, 5490));
}

/// Golden values: the grids of the detectors merged with lxml and numpy, the first detector with a value taken.
#[test]
fn the_grids_of_the_detectors_are_merged() {
    let Some(data) = data() else { return };
    let file = data
        .join("metadata/L1C/S2A_MSIL1C_20210713T032051_N0301_R032_T48LWP_20210713T054224.SAFE")
        .join("GRANULE/L1C_T48LWP_A031632_20210713T032054/MTD_TL.xml");
    let tile = tile(&file);
    for (band, node, sum) in [(Band::B02, 2.16482, 1_075.938_987), (Band::B12, 2.62839, 1_290.369_47)] {
        let grid = tile.view_grids[&band].merged(|_, _| None).unwrap();
        let valid: Vec<f64> = grid.zenith_deg.iter().copied().filter(|z| !z.is_nan()).collect();
        assert_eq!(grid.zenith_deg.len() - valid.len(), 137);
        assert_eq!(grid.zenith_deg[[10, 10]], node);
        assert!((valid.iter().sum::<f64>() - sum).abs() < 1e-9);
        assert_eq!((grid.row_step_m, grid.col_step_m), (5000.0, 5000.0));
    }
}

/// Angle grids that begin at another corner, against scipy's `RegularGridInterpolator` on the numbers of the file: sums over the
/// 23 x 23 nodes of the sun, and nodes of B05 of which all four neighbours have a value.
#[test]
fn angles_of_a_part_agree_with_another_interpolation() {
    let Some(data) = data() else { return };
    let name = "metadata/L1C/S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347.SAFE";
    let file = files_named(&data.join(name), &|path| path.ends_with("MTD_TL.xml")).remove(0);
    let part = Block { row: 4008, col: 3306, rows: 600, cols: 600 };
    let document = part_of_tile(&tile(&file).document, part).unwrap();
    let tile = TileMetadata::from_document(&file, document).unwrap();
    let (ground, extent) = (tile.ground, tile.extent());
    assert_eq!((ground.ulx_m, ground.uly_m, extent.rows), (333_060.0, 4_859_940.0, 600));
    let sun = tile.sun_grid.unwrap();
    // Six digits are written, so that a sum of 529 zenith angles is good to 0.03.
    assert!((sun.zenith_deg.sum() - 27_219.604).abs() < 0.03, "{}", sun.zenith_deg.sum());
    assert!((sun.azimuth_deg.sum() - 83_984.573).abs() < 0.3, "{}", sun.azimuth_deg.sum());
    let close = |found: f64, expected: f64| (found - expected).abs() < expected * 5e-6;
    assert!(close(sun.zenith_deg[[3, 5]], 51.806_287_2) && close(sun.azimuth_deg[[3, 5]], 158.442_781_8));
    for (detector, node, zenith, azimuth) in [
        (6, [2, 1], 1.075_718_1, 34.748_667_2),
        (7, [11, 2], 1.791_198_1, 229.398_700_4),
        (9, [6, 18], 5.832_764_1, 271.408_448),
        (10, [17, 15], 6.491_555_8, 294.899_84),
    ] {
        let grid = &tile.view_grids[&Band::B05].0[&detector];
        let found = (grid.zenith_deg[node], grid.azimuth_deg[node]);
        assert!(close(found.0, zenith) && close(found.1, azimuth), "{detector}: {found:?}");
    }
}

#[test]
fn datastrip_metadata_are_read() {
    let text = r#"<n1:Level-1C_DataStrip_ID xmlns:n1="https://psd-12.sentinel2.eo.esa.int/PSD/S2_PDI_Level-1C_Datastrip_Metadata.xsd">
      <n1:General_Info>
        <Datatake_Info datatakeIdentifier="GS2B_20170719T000219_001915_N02.05"><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>
          <DATATAKE_SENSING_START>2017-07-19T00:02:19.027Z</DATATAKE_SENSING_START></Datatake_Info>
        <Datastrip_Time_Info><DATASTRIP_SENSING_START>2017-07-19T00:02:18.457Z</DATASTRIP_SENSING_START>
          <DATASTRIP_SENSING_STOP>2017-07-19T00:05:00.807Z</DATASTRIP_SENSING_STOP></Datastrip_Time_Info>
        <Processing_Info><PROCESSING_CENTER>SGS_</PROCESSING_CENTER></Processing_Info>
      </n1:General_Info></n1:Level-1C_DataStrip_ID>"#;
    let datastrip = DatastripMetadata::parse(Path::new("MTD_DS.xml"), text.as_bytes()).unwrap();
    assert_eq!((datastrip.psd_version, datastrip.absolute_orbit), (12, Some(1915)));
    assert_eq!(datastrip.processing_centre.as_deref(), Some("SGS_"));
    assert_eq!(datastrip.archiving_centre, None);
}

/// Reads product or tile metadata in which one text was replaced, and returns the message.
fn with_change(file: &Path, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "{from} is not in {}", file.display());
    let name = Path::new("changed.xml");
    let error = if is_tile(file) {
        TileMetadata::parse(name, changed.as_bytes()).map(|_| ()).unwrap_err()
    } else {
        ProductMetadata::parse(name, changed.as_bytes()).map(|_| ()).unwrap_err()
    };
    assert!(matches!(error, Error::Field { .. }), "{error}");
    error.to_string()
}

#[test]
fn contradictions_and_wrong_kinds_name_file_and_field() {
    let Some(data) = data() else { return };
    let product = template(&data, "N0400", &|path| path.ends_with("MTD_MSIL1C.xml"));
    let tile = template(&data, "N0400", &is_tile);
    let cases = [
        (&product, ">Sentinel-2A<", ">Sentinel-2Z<", "SPACECRAFT_NAME: expected Sentinel-2A, Sentinel-2B"),
        (&product, ">04.00<", ">four<", "PROCESSING_BASELINE: expected a processing baseline"),
        (
            &product,
            ">10000<",
            ">many<",
            "QUANTIFICATION_VALUE: expected a number from 1 to 1000000, found \"many\"",
        ),
        (&product, ">DESCENDING<", ">12<", "SENSING_ORBIT_DIRECTION: expected ASCENDING or DESCENDING"),
        (
            &product,
            r#"band_id="0">-1000"#,
            r#"band_id="0">1e3"#,
            "RADIO_ADD_OFFSET: expected a number from -32768",
        ),
        (&product, r#"band_id="0""#, r#"band_id="1""#, "RADIO_ADD_OFFSET: expected every band once"),
        (&product, r#"band_id="12""#, r#"band_id="13""#, "band_id: expected a band number from 0 to 12"),
        (&product, ">NODATA<", ">NOTHING<", "Special_Values: expected a value for NODATA"),
        (&tile, "<NROWS>5490<", "<NROWS>5489<", "Size[resolution=20]: expected 10980 x 10980 / 2"),
        (&tile, "<NCOLS>10980<", "<NCOLS>0<", "Size[resolution=10]/NCOLS: expected a number from 1 to"),
        (&tile, "EPSG:327", "EPSG:427", "HORIZONTAL_CS_CODE: expected the EPSG code of a UTM zone"),
        (&tile, "<XDIM>20<", "<XDIM>21<", "Geoposition[resolution=20]/XDIM: expected a number from 20 to 20"),
        (
            &tile,
            "<SENSING_TIME metadataLevel=\"Standard\">2022",
            "<SENSING_TIME>yesterday",
            "SENSING_TIME: expected a time",
        ),
        (
            &tile,
            "<VALUES>",
            "<VALUES>noon ",
            "VALUES: expected an angle from -180 to 180 degrees or NaN, found \"noon\"",
        ),
        (&tile, "<VALUES>", "<VALUES>inf ", "VALUES: expected an angle"),
        (
            &tile,
            "<ZENITH_ANGLE unit=\"deg\">",
            "<ZENITH_ANGLE unit=\"deg\">9",
            "Mean_Sun_Angle/ZENITH_ANGLE: expected a number from 0 to 90",
        ),
        (&tile, "T18LTM_N04.00</TILE_ID>", "N04.00</TILE_ID>", "TILE_ID: expected an identifier of a tile"),
    ];
    for (file, from, to, message) in cases {
        let found = with_change(file, from, to);
        assert!(found.starts_with("changed.xml: ") && found.contains(message), "{found}");
    }
}

#[test]
fn cut_metadata_are_errors_and_never_a_panic() {
    let Some(data) = data() else { return };
    let product = template(&data, "N0510", &|path| path.ends_with("MTD_MSIL1C.xml"));
    let tile = template(&data, "N0510", &is_tile);
    for (file, step) in [(product, 97), (tile, 9973)] {
        let bytes = std::fs::read(&file).unwrap();
        let end = bytes.trim_ascii_end().len();
        for cut in (0..end).step_by(step).chain(end - 20..end) {
            assert!(ProductMetadata::parse(&file, &bytes[..cut]).is_err(), "cut at {cut}");
            assert!(TileMetadata::parse(&file, &bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
