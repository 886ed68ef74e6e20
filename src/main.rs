//! The program: reads the command line and runs a subcommand.

fn main() -> std::process::ExitCode {
    vireo::cli::run()
}
