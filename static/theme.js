// Before the first paint: the theme somebody chose, else the system's.
const theme = localStorage.getItem('vireo-theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
document.documentElement.classList.toggle('pf-v6-theme-dark', theme === 'dark');
