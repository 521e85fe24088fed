"""The pictures in docs/pictures: what the program really printed and posted, drawn as SVG."""
