//! The program: reads the command line and runs a subcommand.

/// glibc keeps an arena per thread and gives little of it back: the engine took more than twice the memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    vireo::cli::run()
}
