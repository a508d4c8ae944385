// The number of the triangle, from 1, as the four bytes of a pixel.
#version 330

uniform int first;

out vec4 pixel;

void main() {
  uint number = uint(first + gl_PrimitiveID + 1);
  pixel = vec4(number & 255u, (number >> 8) & 255u, (number >> 16) & 255u, number >> 24) / 255.0;
}
