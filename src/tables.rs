//! The atmospheric tables of a run, found by every worker under the same name.

use crate::error::{Error, Result};
use sen2cor_core::cells::Atmosphere;
use sen2cor_core::reflectance::Model;
use sen2cor_core::table::AtmosphereTable;
use sen2cor_io::auxiliary::lut_file;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::OnceLock;

/// A table, its name and its bytes.
struct BuiltIn {
    name: &'static str,
    bytes: &'static [u8],
    parsed: OnceLock<AtmosphereTable>,
}

/// The scalar table with Henyey-Greenstein aerosol, for agreement with the archive.
static PARITY: BuiltIn = BuiltIn {
    name: "s2_parity.s2lut",
    bytes: include_bytes!("../data/lut/s2_parity.s2lut"),
    parsed: OnceLock::new(),
};

/// The table from vector radiative transfer with Mie aerosol.
static PHYSICAL: BuiltIn = BuiltIn {
    name: "s2_physical.s2lut",
    bytes: include_bytes!("../data/lut/s2_physical.s2lut"),
    parsed: OnceLock::new(),
};

impl BuiltIn {
    fn table(&self) -> Result<&AtmosphereTable> {
        if let Some(table) = self.parsed.get() {
            return Ok(table);
        }
        let table = lut_file::parse(Path::new(self.name), self.bytes)
            .map_err(|source| Error::Auxiliary { what: "the atmospheric correction", source })?;
        Ok(self.parsed.get_or_init(|| table))
    }
}

/// Where the functions of the atmosphere come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TableSource {
    /// The built-in table of a model.
    BuiltIn(Model),
}

impl TableSource {
    /// Name of the table for metadata.
    pub(crate) fn name(self) -> &'static str {
        let Self::BuiltIn(model) = self;
        built_in(model).name
    }

    /// The table.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn open(self) -> Result<&'static dyn Atmosphere> {
        let Self::BuiltIn(model) = self;
        Ok(built_in(model).table()?)
    }
}

fn built_in(model: Model) -> &'static BuiltIn {
    match model {
        Model::Sen2cor => &PARITY,
        Model::Physical => &PHYSICAL,
    }
}
