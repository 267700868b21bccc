//! `lutong`: the server and the operator's commands. Exit status 0 for success, 1 for a failure, 2 for an invalid file
//! or argument.

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lutong_client::output::set_language(std::env::args());
    let command = lutong_commands::Command::parse();
    #[cfg(feature = "failpoints")]
    lutong_testing::network_faults::install();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            lutong_client::output::complain(format_args!("lutong: the runtime does not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(command.run())
}
