"""`warmroute debug ...`: what buildctl's commands of that name show, of one daemon or of a whole fleet."""
