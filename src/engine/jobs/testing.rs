//! The tests every kind of job gets: runs; runs with every step done twice; fails at each step and leaves a clean slate; is killed at
//! each step and resumed.
