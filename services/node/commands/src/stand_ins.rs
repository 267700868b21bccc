//! `serve --dev --stand-ins`: the providers of the channels, the authority, the gateway of messages and the national platform, played in this process.

use std::sync::Arc;

use lutong_client::Failure;
use lutong_composition::config::NodeConfig;
use lutong_kernel::{Clock, Random};
use lutong_operating::private;
use lutong_stand_ins::StandIns;

/// Starts the stand-ins and points the configuration to them. Their secrets, which prove nothing, lie in the data folder.
pub async fn start(
    config: &mut NodeConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<StandIns, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::Because(lang!(
            "替身服务不能启动：{error}",
            "the stand-ins cannot be started: {error}"
        ))
    };
    if config.gateway.listen.port() == 0 {
        return Err(Failure::Input(lang!(
            "--stand-ins 需要固定端口：请设置 gateway.listen",
            "--stand-ins needs a fixed port: set gateway.listen"
        )));
    }
    let folder = config.data.join("stand-ins");
    private::create_folder(&folder).map_err(|error| failed(&error))?;
    let stand_ins = StandIns::start(0, clock, random)
        .await
        .map_err(|error| failed(&error))?;
    let public_url = format!("http://{}", config.gateway.listen);
    let channels = stand_ins
        .channels(&public_url, &folder)
        .map_err(|error| failed(&error))?;
    let identity = stand_ins.identity(&folder).map_err(|error| failed(&error))?;
    config.gateway.channels = serde_json::from_value(channels).map_err(|error| failed(&error))?;
    let national = stand_ins.national("government-platform", &folder);
    let national = national.map_err(|error| failed(&error))?;
    config.federation.national = serde_json::from_value(national).map_err(|error| failed(&error))?;
    config.identity = serde_json::from_value(identity).map_err(|error| failed(&error))?;
    Ok(stand_ins)
}
