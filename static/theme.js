// Before the first paint: the theme somebody chose, else the system's, also when that changes.
const dark = matchMedia('(prefers-color-scheme: dark)');
function paint() {
  const theme = localStorage.getItem('vireo-theme') ?? (dark.matches ? 'dark' : 'light');
  document.documentElement.classList.toggle('pf-v6-theme-dark', theme === 'dark');
}
paint();
dark.addEventListener('change', paint);
