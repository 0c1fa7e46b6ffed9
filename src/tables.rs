//! The atmospheric tables of a run, found by every worker under the same name.

use crate::error::{Error, Result};
use sen2cor_core::cells::Atmosphere;
use sen2cor_core::reflectance::Model;
use sen2cor_core::season::Season;
use sen2cor_core::table::AtmosphereTable;
use sen2cor_io::auxiliary::atm_library::AtmLibrary;
use sen2cor_io::auxiliary::lut_file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum TableSource {
    /// The built-in table of a model.
    BuiltIn(Model),
    /// Files of the original processor.
    Library {
        /// The folder that holds `10` and `20_60`.
        folder: PathBuf,
        /// Season of the files.
        season: Season,
        /// Ozone column to which theirs is nearest, Dobson units.
        ozone_du: f64,
    },
}

/// Libraries that were read; they stay, since every band of a run needs them.
static LIBRARIES: Mutex<Vec<(TableSource, &'static AtmLibrary)>> = Mutex::new(Vec::new());

impl TableSource {
    /// Name of the table for metadata.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn name(&self) -> Result<String> {
        match self {
            Self::BuiltIn(model) => Ok(built_in(*model).name.to_owned()),
            Self::Library { .. } => Ok(self.library()?.name().to_owned()),
        }
    }

    /// The table.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn open(&self) -> Result<&'static dyn Atmosphere> {
        match self {
            Self::BuiltIn(model) => Ok(built_in(*model).table()?),
            Self::Library { .. } => Ok(self.library()?),
        }
    }

    fn library(&self) -> Result<&'static AtmLibrary> {
        let mut known = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, library)) = known.iter().find(|(source, _)| source == self) {
            return Ok(library);
        }
        let Self::Library { folder, season, ozone_du } = self else {
            return Err(Error::Options(Vec::new()));
        };
        let library = AtmLibrary::read(folder, *season, *ozone_du)
            .map_err(|source| Error::Auxiliary { what: "the atmospheric correction", source })?;
        let library: &'static AtmLibrary = Box::leak(Box::new(library));
        known.push((self.clone(), library));
        Ok(library)
    }
}

fn built_in(model: Model) -> &'static BuiltIn {
    match model {
        Model::Sen2cor => &PARITY,
        Model::Physical => &PHYSICAL,
    }
}
