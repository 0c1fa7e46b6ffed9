//! `MTD_DS.xml`: the data strip. A simulated one has no source packets and no housekeeping; what the schemas ask for is
//! there with the least content, and `PROCESSING_SPECIFIC_PARAMETERS` says that the strip is simulated.

use super::facts::{L1cFacts, gps, iso};
use super::instrument::{
    BandFacts, bands, display_order, offset_list, reflectance_conversion, spectral_list,
};
use super::product::{DOI, NONE_USED, datatake, distance_factor, parameter_files};
use super::{DETECTOR, group, measured, root, text};
use crate::xml::Element;
use sen2cor_core::sensor::Band;

/// Time between two lines of 10 m, milliseconds.
const LINE_PERIOD_MS: f64 = 1.565_873_622;
/// Distance of the spacecraft from the centre of the Earth, metres.
const ORBIT_RADIUS_M: f64 = 7_164_000.0;
/// Speed of the spacecraft, metres per second.
const ORBIT_SPEED_M_S: f64 = 7_459.0;

/// The data strip metadata.
pub(crate) fn datastrip(facts: &L1cFacts) -> Element {
    let mut document =
        root("n1:Level-1C_DataStrip_ID", facts.psd(), "S2_PDI_Level-1C_Datastrip_Metadata.xsd");
    let bands = bands(facts.spacecraft);
    document.push(general_info(facts));
    document.push(group(
        "n1:Image_Data_Info",
        [
            tiles(facts),
            sensor_configuration(facts, &bands),
            radiometric_info(facts, &bands),
            level(
                "Standard",
                group(
                    "Geometric_Info",
                    [
                        text("RGM", "COMPUTED"),
                        Element::new("Image_Refining").with_attribute("flag", "NOT_REFINED"),
                    ],
                ),
            ),
        ],
    ));
    document.push(satellite_data(facts));
    document.push(quality_info(facts));
    document.push(auxiliary_info());
    document
}

fn level(level: &str, element: Element) -> Element {
    element.with_attribute("metadataLevel", level)
}

fn general_info(facts: &L1cFacts) -> Element {
    let (seen, made) = (iso(facts.sensing_time), iso(facts.generation_time));
    let mut processing =
        level("Expertise", group("Processing_Info", [text("PROCESSING_BASELINE", facts.baseline)]));
    if facts.has_offsets() {
        processing.push(text("PRODUCT_DOI", DOI));
    }
    processing.push(text("PROCESSING_CENTER", L1cFacts::CENTRE));
    processing.push(text("UTC_DATE_TIME", &made));
    group(
        "n1:General_Info",
        [
            level("Brief", datatake("Datatake_Info", facts)),
            level(
                "Brief",
                group(
                    "Datastrip_Time_Info",
                    [text("DATASTRIP_SENSING_START", &seen), text("DATASTRIP_SENSING_STOP", &seen)],
                ),
            ),
            processing,
            level(
                "Standard",
                group(
                    "Downlink_Info",
                    [text("RECEPTION_STATION", "SGS_"), text("DOWNLINK_ORBIT_NUMBER", facts.absolute_orbit)],
                ),
            ),
            level(
                "Expertise",
                group(
                    "Archiving_Info",
                    [text("ARCHIVING_CENTRE", L1cFacts::CENTRE), text("ARCHIVING_TIME", made)],
                ),
            ),
            level(
                "Expertise",
                group(
                    "PROCESSING_SPECIFIC_PARAMETERS",
                    [text("PROCESSING_SPECIFIC_PARAMETERS", "SIMULATED=true;ADJACENCY_KM=0")],
                ),
            ),
        ],
    )
}

fn tiles(facts: &L1cFacts) -> Element {
    let tile = Element::new("Tile").with_attribute("tileId", facts.tile_id());
    level("Standard", group("Tiles_Information", [group("Tile_List", [tile])]))
}

fn detector() -> String {
    format!("{DETECTOR:02}")
}

fn sensor_configuration(facts: &L1cFacts, bands: &[BandFacts]) -> Element {
    let stamps = bands.iter().map(|band| {
        let detector =
            group("Detector", [text("REFERENCE_LINE", 1), text("GPS_TIME", gps(facts.sensing_time))])
                .with_attribute("detectorId", detector());
        group("Band_Time_Stamp", [detector]).with_attribute("bandId", band.id())
    });
    let mut times = level("Standard", group("Time_Stamp", [measured("LINE_PERIOD", "ms", LINE_PERIOD_MS)]))
        .with_attribute("usedModel", "EXOGENEOUS");
    for stamp in stamps {
        times.push(stamp);
    }
    times.push(text("GPS_SYNC", "true"));
    group("Sensor_Configuration", [acquisition(bands), source_packets(bands), times])
}

fn acquisition(bands: &[BandFacts]) -> Element {
    let delayed = [Band::B03, Band::B04, Band::B11, Band::B12]
        .map(|band| text("TDI_CONFIGURATION", "APPLIED").with_attribute("bandId", band.index().to_string()));
    let of_bands = bands.iter().map(|band| {
        let lines = f64::from(band.band.native_resolution().cells());
        group(
            "Spectral_Band_Information",
            [
                level("Standard", text("PHYSICAL_GAINS", band.gain))
                    .with_attribute("geometry", "FULL_RESOLUTION"),
                level("Expertise", text("COMPRESSION_RATE", 1)),
                level("Expertise", measured("INTEGRATION_TIME", "ms", LINE_PERIOD_MS * lines)),
            ],
        )
        .with_attribute("bandId", band.id())
    });
    group(
        "Acquisition_Configuration",
        [
            level("Expertise", text("COMPRESS_MODE", "true")),
            level("Expertise", text("EQUALIZATION_MODE", "true")),
            level("Expertise", text("NUC_TABLE_ID", 2)),
            level("Expertise", group("Active_Detectors_List", [text("ACTIVE_DETECTOR", detector())])),
            level("Standard", group("TDI_Configuration_List", delayed)),
            group("Spectral_Band_Info", of_bands),
        ],
    )
}

fn source_packets(bands: &[BandFacts]) -> Element {
    let of_bands = bands.iter().map(|band| {
        group(
            "Band",
            [text("DATA_STRIP_START", 1), text("SCENE_POSITION", 1), text("NB_OF_SOURCE_PACKETS", 0)],
        )
        .with_attribute("bandId", band.id())
    });
    let detector = group("Detector", [group("Band_List", of_bands)]).with_attribute("detectorId", detector());
    group(
        "Source_Packet_Description",
        [
            group("Source_Packet_Counters_List", [group("Detector_List", [detector])]),
            group(
                "Degradation_Summary",
                [
                    text("NUMBER_OF_LOST_PACKETS", 0),
                    text("NUMBER_OF_TOO_DEGRADED_PACKETS", 0),
                    text("NUMBER_OF_KEPT_DEGRADED_PACKETS", 0),
                ],
            )
            .with_attribute("degradationPercentage", "0"),
        ],
    )
}

fn radiometric_info(facts: &L1cFacts, bands: &[BandFacts]) -> Element {
    let mut info = level(
        "Standard",
        group(
            "Radiometric_Info",
            [
                text("SWIR_REARRANGEMENT_PROC", "false"),
                text("SATURATED_PIXELS_PROC", "true"),
                spectral_list(bands),
                display_order(),
                text("QUANTIFICATION_VALUE", 10_000).with_attribute("unit", "none"),
            ],
        ),
    );
    if facts.has_offsets() {
        info.push(offset_list(bands, facts.radio_add_offset()));
    }
    info.push(reflectance_conversion(bands, distance_factor(facts)));
    info
}

/// One point of the orbit: above the corner of the tile, flying south.
fn satellite_data(facts: &L1cFacts) -> Element {
    let time = gps(facts.sensing_time);
    let [corner, ..] = facts.corners();
    let (latitude, longitude) = (corner.latitude_deg.to_radians(), corner.longitude_deg.to_radians());
    let up = [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()];
    let south = [latitude.sin() * longitude.cos(), latitude.sin() * longitude.sin(), -latitude.cos()];
    let vector = |direction: [f64; 3], length: f64| {
        direction.map(|part| (part * length).round().to_string()).join(" ")
    };
    let number = group("Gps_Number", [text("GPS_TIME_START", &time), text("GPS_TIME_END", &time)])
        .with_attribute("id", "GPS-A");
    let point = group(
        "GPS_Point",
        [
            measured("POSITION_VALUES", "mm", vector(up, ORBIT_RADIUS_M * 1000.0)),
            measured("POSITION_ERRORS", "mm", "0 0 0"),
            measured("VELOCITY_VALUES", "mm/s", vector(south, ORBIT_SPEED_M_S * 1000.0)),
            measured("VELOCITY_ERRORS", "mm/s", "0 0 0"),
            text("GPS_TIME", &time),
            text("NSM", "KALMAN_FILTER"),
            text("QUALITY_INDEX", 0),
            text("GDOP", 0),
            text("PDOP", 0),
            text("TDOP", 0),
            text("NOF_SV", 8),
            measured("TIME_ERROR", "ns", 0),
        ],
    );
    let orbit = group(
        "AOCS_Ephemeris",
        [
            text("VALID_FLAG", "true"),
            text("OPSOL_QUALITY", 0),
            measured("POSITION_VALUES", "m", vector(up, ORBIT_RADIUS_M)),
            measured("VELOCITY_VALUES", "m/s", vector(south, ORBIT_SPEED_M_S)),
            text("GPS_TIME", &time),
            measured("ORBIT_ANGLE", "rad", 0),
        ],
    );
    let attitude = group(
        "Values",
        [
            text("QUATERNION_VALUES", "0 0 0 1"),
            text("QUATERNION_VALIDITY", "true"),
            text("GPS_TIME", &time),
            text("ATTITUDE_QUALITY_INDICATOR", "TWO_VALID_STR"),
        ],
    );
    group(
        "n1:Satellite_Ancillary_Data_Info",
        [
            level(
                "Standard",
                group(
                    "Ephemeris",
                    [
                        group("GPS_Number_List", [number]),
                        group("GPS_Points_List", [point]),
                        group("AOCS_Ephemeris_List", [orbit]),
                    ],
                ),
            ),
            group("Attitudes", [level("Standard", group("Corrected_Attitudes", [attitude]))]),
        ],
    )
}

fn quality_info(facts: &L1cFacts) -> Element {
    let located = |name: &str| {
        group(name, [measured("VALUE", "m", 0), text("MEASUREMENT_DATE", gps(facts.sensing_time))])
    };
    let geometry = group(
        "Geometric_QI",
        [
            located("Absolute_Location"),
            group(
                "Planimetric_Stability",
                [text("VALUE", 0), text("MEASUREMENT_DATE", gps(facts.sensing_time))],
            ),
            text("EPHEMERIS_QUALITY", 0),
            text("ANCILLARY_QUALITY", 0),
        ],
    );
    let radiometry = Band::ALL.map(|band| {
        group(
            "Radiometric_Quality",
            [
                group("Noise_Model", [text("ALPHA", 0), text("BETA", 0)]),
                text("ABSOLUTE_CALIBRATION_ACCURACY", 0),
                text("CROSS_BAND_CALIBRATION_ACCURACY", 0),
                text("MULTI_TEMPORAL_CALIBRATION_ACCURACY", 0),
            ],
        )
        .with_attribute("bandId", band.index().to_string())
    });
    level(
        "Brief",
        group(
            "n1:Quality_Indicators_Info",
            [
                group(
                    "Geometric_Info",
                    [
                        geometry,
                        Element::new("Geometric_Refining_Quality"),
                        located("Update_Absolute_Location"),
                    ],
                ),
                group("Radiometric_Info", [group("Radiometric_Quality_List", radiometry)]),
                text("DEGRADED_ANC_DATA_PERCENTAGE", 0),
            ],
        ),
    )
}

fn auxiliary_info() -> Element {
    let earth = group(
        "IERS_Bulletin",
        [
            measured("UT1_UTC", "s", 0),
            measured("GPS_TIME_UTC", "s", 18),
            measured("GPS_TIME_TAI", "s", -19),
            measured("POLE_U_ANGLE", "arcsec", 0),
            measured("POLE_V_ANGLE", "arcsec", 0),
        ],
    );
    level(
        "Standard",
        group(
            "n1:Auxiliary_Data_Info",
            [
                earth,
                parameter_files(),
                text("PRODUCTION_DEM_TYPE", NONE_USED),
                text("IERS_BULLETIN_FILENAME", NONE_USED),
                Element::new("GRI_List"),
            ],
        ),
    )
}
