function e({el:t}){t.textContent=""}var n={render:e};export{n as default};
