//! `sen2cor dem-tiles`

use crate::arguments::InspectArguments;
use crate::output;
use std::process::ExitCode;

pub(crate) fn run(arguments: &InspectArguments) -> anyhow::Result<ExitCode> {
    let tiles = sen2cor::dem_tiles(&arguments.input)?;
    if arguments.json {
        output::line(serde_json::to_string_pretty(&tiles)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for tile in tiles {
        output::line(format!("{}  {}", tile.glo30, tile.glo30_address))?;
    }
    Ok(ExitCode::SUCCESS)
}
